#!/usr/bin/env python3
"""Makes augmentation.json: what Pillow's image operations give for one image.

  python3 make_augmentation_vectors.py > augmentation.json

Needs Pillow (Debian: python3-pil). The image is 32 x 32 grey values, hexadecimal, row by row.
"""
import json

from PIL import Image, ImageEnhance, ImageFilter, ImageOps

SIDE = 32


def value(i):
    """A dark image with a bright edge: a histogram that equalising changes."""
    x, y = i % SIDE, i // SIDE
    return min(255, 20 + (x * y * 7 + x * 13) % 97 + (60 if x + y > 40 else 0))


image = Image.frombytes("L", (SIDE, SIDE), bytes(value(i) for i in range(SIDE * SIDE)))
print(json.dumps({
    name: result.tobytes().hex()
    for name, result in {
        "image": image,
        "equalize": ImageOps.equalize(image),
        "autoContrast": ImageOps.autocontrast(image),
        "sharpness": ImageEnhance.Sharpness(image).enhance(1.8),
        "blurred": image.filter(ImageFilter.SMOOTH),
    }.items()
}, indent=1))
