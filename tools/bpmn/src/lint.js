// Lints every model: BPMN against bpmnlint's recommended rules and the rules of Camunda 8.6, DMN and forms for being readable.
// Exits with 1 on the first sign of trouble, warnings included.
import { readFileSync } from 'node:fs';
import { BpmnModdle } from 'bpmn-moddle';
import { DmnModdle } from 'dmn-moddle';
import Linter from 'bpmnlint/lib/linter.js';
import NodeResolver from 'bpmnlint/lib/resolver/node-resolver.js';
import { models, zeebeModdle } from './models.js';

const config = JSON.parse(readFileSync(new URL('../.bpmnlintrc', import.meta.url), 'utf8'));

async function lintBpmn({ text }) {
  // A linter of its own for every model: some rules remember what they have seen.
  const linter = new Linter({ config, resolver: new NodeResolver({ requireLocal: false }) });
  const { rootElement, warnings } = await new BpmnModdle({ zeebe: zeebeModdle }).fromXML(text);
  const results = await linter.lint(rootElement);
  const reports = Object.entries(results).flatMap(([rule, found]) => found.map((report) => ({ rule, ...report })));
  return [
    ...warnings.map(({ message }) => `not readable: ${message}`),
    ...reports.map(({ category, rule, id, message }) => `${category} ${rule} at ${id}: ${message}`),
  ];
}

async function lintDmn({ text }) {
  const { rootElement, warnings } = await new DmnModdle().fromXML(text);
  const decisions = rootElement.drgElement.filter((element) => element.decisionLogic?.rule);
  return [
    ...warnings.map(({ message }) => `not readable: ${message}`),
    ...decisions.flatMap(({ id, decisionLogic }) => lintTable(id, decisionLogic)),
  ];
}

function lintTable(id, { input, output, rule }) {
  return rule.flatMap((row) => [
    ...(row.inputEntry.length === input.length && row.outputEntry.length === output.length
      ? []
      : [`error decision ${id} at ${row.id}: its cells do not match the columns`]),
    ...(row.description ? [] : [`warn decision ${id} at ${row.id}: has no annotation`]),
  ]);
}

function lintForm({ name, text }) {
  const form = JSON.parse(text);
  const keys = form.components.map(({ key }) => key).filter(Boolean);
  const twice = keys.filter((key, index) => keys.indexOf(key) !== index);
  return [
    ...(form.id === name ? [] : [`error form: its id ${form.id} is not the file's name`]),
    ...twice.map((key) => `error form: the key ${key} is there twice`),
  ];
}

const checks = [['.bpmn', lintBpmn], ['.dmn', lintDmn], ['.form', lintForm]];
let found = 0;
for (const [extension, check] of checks) {
  for (const model of models(extension)) {
    const reports = await check(model);
    reports.forEach((report) => console.error(`bpmn/${model.file}: ${report}`));
    found += reports.length;
    console.log(`bpmn/${model.file}: ${reports.length === 0 ? 'good' : `${reports.length} to mend`}`);
  }
}
process.exitCode = found === 0 ? 0 : 1;
