// Asks Camunda Modeler's own checker what its problems panel would say of every model; exits with 1 where it says anything.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { models } from './models.js';

// The package is written for bundlers: its imports have no file endings, which Node does not resolve.
const bundle = new URL('../node_modules/.cache/linting.mjs', import.meta.url);
await build({
  stdin: { contents: "export { Linter } from '@camunda/linting';", resolveDir: import.meta.dirname },
  bundle: true,
  format: 'esm',
  platform: 'node',
  outfile: fileURLToPath(bundle),
});
const { Linter } = await import(bundle);

async function complaints({ file, text }) {
  const reports = await new Linter({ modeler: 'desktop', type: 'cloud' }).lint(text);
  return reports.map(({ category, rule, id, message }) => `bpmn/${file}: ${category} ${rule} at ${id}: ${message}`);
}

const checked = models('.bpmn');
const found = (await Promise.all(checked.map(complaints))).flat();
found.forEach((line) => console.error(line));
console.log(`${checked.length} models: ${found.length === 0 ? 'nothing that Camunda Modeler would complain about' : `${found.length} to mend`}`);
process.exitCode = found.length === 0 ? 0 : 1;
