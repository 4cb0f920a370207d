#!/usr/bin/python3
"""The peer of "fine-tuning": a training step of ResNet-18 in plain PyTorch, in 32-bit floats, with momentum SGD.

Runs on Debian's python3-torch and python3-torchvision. Prints one JSON object.

  fine_tuning.py [--blocks 2 2 2 2] [--channels-last] [--side 160] [--batch 32] [--classes 10] [--threads N] [--steps N]

--blocks has the number of residual blocks of each stage. ResNet-18 has 2 2 2 2, and the network of Microsoft's file 2 2 2 3.

Weights do not change how long a step takes, so they are drawn. The images are random, in memory, and not augmented.
"""
import argparse, json, os, statistics, time
import torch
import torchvision
from torch.nn import functional as F

WARM_UP = 2

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--blocks", type=int, nargs=4, default=[2, 2, 2, 2])
parser.add_argument("--channels-last", action="store_true")
parser.add_argument("--side", type=int, default=160)
parser.add_argument("--batch", type=int, default=32)
parser.add_argument("--classes", type=int, default=10)
parser.add_argument("--threads", type=int, default=os.cpu_count())
parser.add_argument("--steps", type=int, default=8)
args = parser.parse_args()

torch.set_num_threads(args.threads)
layout = torch.channels_last if args.channels_last else torch.contiguous_format
net = torchvision.models.ResNet(torchvision.models.resnet.BasicBlock, args.blocks, num_classes=args.classes)
net = net.train().to(memory_format=layout)
optimizer = torch.optim.SGD(net.parameters(), lr=0.001, momentum=0.9, weight_decay=1e-4)
images = torch.randn(args.batch, 3, args.side, args.side).contiguous(memory_format=layout)
labels = torch.randint(0, args.classes, (args.batch,))


def step():
    loss = F.cross_entropy(net(images), labels)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    return loss.item()


seconds, processor_seconds = [], []
for _ in range(WARM_UP + args.steps):
    start, processor_start = time.perf_counter(), time.process_time()
    step()
    seconds.append(time.perf_counter() - start)
    processor_seconds.append(time.process_time() - processor_start)
median = statistics.median(seconds[WARM_UP:])
print(json.dumps({"version": torch.__version__, "parameters": sum(p.numel() for p in net.parameters()), "step_s": median, "processor_s": statistics.median(processor_seconds[WARM_UP:]),
                  "images_per_s": args.batch / median}))
