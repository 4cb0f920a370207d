// The page. Names of classes and messages are set as text everywhere, never as HTML.

const byId = id => document.getElementById(id);
const pollingMilliseconds = 1000;

class Problem extends Error { }

/** Asks the service; a refusal becomes an error with its own words. */
async function ask(path, options) {
  const response = await fetch(`api/${path}`, options);
  if (response.ok)
    return response.status === 204 ? null : response.json();
  const problem = await response.json().catch(() => ({}));
  throw new Problem([problem.title, problem.detail].filter(Boolean).join(' ') || `The service answered ${response.status}.`);
}

const inWords = error => error instanceof Problem ? error.message : 'The service cannot be reached.';

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

const percent = value => `${(100 * value).toFixed(value < 0.0995 ? 1 : 0)}\u00a0%`;

// ---- the model

let views = null;

async function showModel() {
  try {
    const model = await ask('model');
    const training = byId('training');
    training.hidden = model.progress == null;
    if (model.progress != null)
      training.value = model.progress;
    if (model.whyNot) {
      byId('model').textContent = model.whyNot;
      setTimeout(showModel, pollingMilliseconds);
      return;
    }
    byId('model').textContent = `The model knows ${model.classes.length} classes: ${model.classes.join(', ')}.`;
    views = await ask('model/views');
  } catch (error) {
    byId('model').textContent = error instanceof Problem ? error.message : 'The service cannot be reached. Trying again …';
    setTimeout(showModel, pollingMilliseconds);
  }
}

// ---- what an image is

function bars(top) {
  return element('ul', { className: 'bars' }, ...top.map(({ label, probability }) => element('li', {},
    element('span', { textContent: label, title: label }),
    element('meter', { min: 0, max: 1, value: probability, ariaLabel: `Probability of ${label}` }),
    element('span', { className: 'value', textContent: percent(probability) }))));
}

/** Draws the views as the network sees them: each value of a view is a value of the image. */
function viewList(image, predicted) {
  const { channels, width, height } = views;
  const canvas = element('canvas', { width, height });
  const context = canvas.getContext('2d');
  context.drawImage(image, 0, 0, width, height);
  const pixels = context.getImageData(0, 0, width, height).data;
  const size = width * height;
  const value = (plane, at) => channels === 3
    ? pixels[4 * at + plane]
    : 0.299 * pixels[4 * at] + 0.587 * pixels[4 * at + 1] + 0.114 * pixels[4 * at + 2];
  return element('ul', { className: 'views' }, ...predicted.map(({ view, top }, number) => {
    const { indices } = views.views[number];
    const drawn = element('canvas', { width, height, role: 'img', ariaLabel: `The image under ${view}` });
    const target = new ImageData(width, height);
    for (let at = 0; at < size; at++) {
      for (let plane = 0; plane < 3; plane++) {
        const source = indices[(channels === 3 ? plane * size : 0) + at];
        target.data[4 * at + plane] = value(Math.floor(source / size), source % size);
      }
      target.data[4 * at + 3] = 255;
    }
    drawn.getContext('2d').putImageData(target, 0, 0);
    return element('li', {}, drawn, `${view}: ${top[0].label}, ${percent(top[0].probability)}`);
  }));
}

async function loaded(file) {
  const image = element('img', { alt: file.name || 'The image', src: URL.createObjectURL(file) });
  await image.decode().catch(() => { });
  URL.revokeObjectURL(image.src);
  return image;
}

async function show(file, target, path, describe) {
  const image = await loaded(file);
  const said = element('div', {}, element('p', { textContent: 'Looking …' }));
  target.prepend(element('article', {}, image, said));
  try {
    const prediction = await ask(path, { method: 'POST', headers: { 'Content-Type': file.type || 'application/octet-stream' }, body: file });
    said.replaceChildren(...describe(prediction, image));
  } catch (error) {
    said.replaceChildren(element('p', { className: 'error', textContent: inWords(error) }));
  }
}

function describe(prediction, image) {
  const heading = prediction.isRejected
    ? element('h3', { className: 'none', textContent: 'None of these, or hard to tell' })
    : element('h3', { textContent: prediction.label });
  const parts = [heading, bars(prediction.top)];
  if (prediction.threshold != null)
    parts.push(element('p', { textContent: `Confidence ${percent(prediction.confidence)}; below ${percent(prediction.threshold)} an image is rejected.` }));
  if (prediction.views?.length > 1 && views && image.naturalWidth)
    parts.push(element('details', { open: true }, element('summary', { textContent: 'What each view says' }), viewList(image, prediction.views)));
  return parts;
}

// ---- teaching

let teaching = [];

function write(path, options) {
  const key = byId('key').value;
  return ask(path, { ...options, headers: key ? { 'X-Api-Key': key } : {} });
}

async function collect(files) {
  teaching.push(...files);
  for (const file of files)
    byId('teach-images').append(element('li', {}, await loaded(file)));
}

async function teach(event) {
  event.preventDefault();
  const status = byId('teach-status'), button = byId('teach-button'), name = byId('class-name').value.trim();
  if (teaching.length === 0) {
    status.textContent = 'Add photos first.';
    return;
  }
  button.disabled = true;
  status.textContent = 'Learning …';
  try {
    const form = new FormData();
    teaching.forEach((file, number) => form.append('image', file, file.name || `${number}`));
    const taught = await write(`classes/${encodeURIComponent(name)}`, { method: 'POST', body: form });
    status.textContent = `Learned: ${taught.name} has ${taught.images} ${taught.images === 1 ? 'image' : 'images'}.`;
    teaching = [];
    byId('teach-images').replaceChildren();
    byId('class-name').value = '';
    await showClasses();
  } catch (error) {
    status.textContent = inWords(error);
  } finally {
    button.disabled = false;
  }
}

async function showClasses() {
  try {
    const classes = await ask('classes');
    byId('classes').replaceChildren(...classes.length === 0 ? [element('li', { textContent: 'None yet.' })] : classes.map(({ name, images }) => element('li', {},
      element('span', { textContent: `${name} (${images} ${images === 1 ? 'image' : 'images'})` }),
      element('button', { type: 'button', textContent: 'Forget', ariaLabel: `Forget ${name}`, onclick: () => forget(name) }))));
  } catch (error) {
    byId('classes').replaceChildren(element('li', { className: 'error', textContent: inWords(error) }));
  }
}

async function forget(name) {
  try {
    await write(`classes/${encodeURIComponent(name)}`, { method: 'DELETE' });
    byId('teach-status').textContent = `Forgot ${name}.`;
  } catch (error) {
    byId('teach-status').textContent = inWords(error);
  }
  await showClasses();
}

// ---- files, pasted images and the camera

const receivers = {
  predict: files => files.forEach(file => show(file, byId('predictions'), 'predict?views=true', describe)),
  teach: collect,
  taught: files => files.forEach(file => show(file, byId('taught-predictions'), 'predict/taught', top => [element('h3', { textContent: top[0].label }), bars(top)])),
};

const imagesOf = list => [...list].filter(file => file.type.startsWith('image/') || file.type === '');

for (const drop of document.querySelectorAll('[data-drop]')) {
  const receive = receivers[drop.dataset.drop];
  drop.addEventListener('dragover', event => { event.preventDefault(); drop.classList.add('over'); });
  drop.addEventListener('dragleave', () => drop.classList.remove('over'));
  drop.addEventListener('drop', event => {
    event.preventDefault();
    drop.classList.remove('over');
    receive(imagesOf(event.dataTransfer.files));
  });
}

for (const [id, name] of [['predict-files', 'predict'], ['teach-files', 'teach'], ['taught-files', 'taught']]) {
  byId(id).addEventListener('change', event => {
    receivers[name](imagesOf(event.target.files));
    event.target.value = '';
  });
}

document.addEventListener('paste', event => {
  const files = imagesOf(event.clipboardData.files);
  if (files.length > 0)
    receivers[byId('teach').hidden ? 'predict' : 'teach'](files);
});

const video = byId('video');

function closeCamera() {
  video.srcObject?.getTracks().forEach(track => track.stop());
  video.srcObject = null;
  byId('viewfinder').hidden = true;
}

byId('camera').addEventListener('click', async () => {
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
    byId('viewfinder').hidden = false;
    await video.play();
  } catch {
    byId('predictions').prepend(element('p', { className: 'error', textContent: 'The browser gives no camera. It asks for permission, and needs https or this machine.' }));
  }
});
byId('camera-off').addEventListener('click', closeCamera);
byId('shoot').addEventListener('click', () => {
  const canvas = element('canvas', { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext('2d').drawImage(video, 0, 0);
  canvas.toBlob(blob => receivers.predict([blob]), 'image/jpeg', 0.95);
});

// ---- tabs

const tabs = [...document.querySelectorAll('[role=tab]')];

function choose(tab, isFocused) {
  for (const other of tabs) {
    const isChosen = other === tab;
    other.setAttribute('aria-selected', isChosen);
    other.tabIndex = isChosen ? 0 : -1;
    byId(other.getAttribute('aria-controls')).hidden = !isChosen;
  }
  if (isFocused)
    tab.focus();
  if (tab.id === 'tab-teach') {
    closeCamera();
    showClasses();
  }
}

for (const [number, tab] of tabs.entries()) {
  tab.addEventListener('click', () => choose(tab, false));
  tab.addEventListener('keydown', event => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step)
      choose(tabs[(number + step + tabs.length) % tabs.length], true);
  });
}

byId('teach-form').addEventListener('submit', teach);
showModel();
