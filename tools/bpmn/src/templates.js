// Holds every element template against the schema for Zeebe, with the validator that Camunda Modeler uses.
import { readFileSync, readdirSync } from 'node:fs';
import { validateAllZeebe } from '@bpmn-io/element-templates-validator';

const folder = new URL('../../../.camunda/element-templates/', import.meta.url);
let wrong = 0;
for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
  const { valid, results } = validateAllZeebe([JSON.parse(readFileSync(new URL(file, folder), 'utf8'))].flat());
  const errors = results.flatMap(({ errors: found, object }) => (found ?? []).map(({ message }) => `${object.id}: ${message}`));
  errors.forEach((error) => console.error(`${file}: ${error}`));
  wrong += valid ? 0 : 1;
  console.log(`${file}: ${valid ? 'good' : `${errors.length} to mend`}`);
}
process.exitCode = wrong === 0 ? 0 : 1;
