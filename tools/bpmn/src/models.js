// Where the models are, and how to read them: shared by lint.js and render.js.
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

export const modelsFolder = join(root, 'bpmn');
export const picturesFolder = join(root, 'docs', 'images', 'models');
export const zeebeModdle = require('zeebe-bpmn-moddle/resources/zeebe.json');

/** All models with the given file extension, sorted by name, as {name, file, text}. */
export function models(extension) {
  return readdirSync(modelsFolder)
    .filter((file) => file.endsWith(extension))
    .sort()
    .map((file) => ({
      name: file.slice(0, -extension.length),
      file,
      text: readFileSync(join(modelsFolder, file), 'utf8'),
    }));
}

/** The path of a file inside an installed package. */
export function packageFile(name) {
  return require.resolve(name);
}
