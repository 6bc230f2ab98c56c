// Applies every element template to a task, as Camunda Modeler does, and asks Modeler's own checker about the result, the
// templates' constraints included. `node src/applied.js FOLDER` also keeps the models in FOLDER. Exits with 1 on trouble.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const folder = new URL('../../../.camunda/element-templates/', import.meta.url);
const cache = new URL('../node_modules/.cache/', import.meta.url);

// What Modeler puts together: its canvas, the behaviour of Camunda 8, and element templates.
const MODELER = `
import Modeler from 'bpmn-js/lib/Modeler';
import { CloudElementTemplatesCoreModule, CloudElementTemplatesLinterPlugin } from 'bpmn-js-element-templates';
import { Linter } from '@camunda/linting';
import CloudBehaviors from 'camunda-bpmn-js-behaviors/lib/camunda-cloud';
import zeebe from 'zeebe-bpmn-moddle/resources/zeebe.json';

window.applied = async (model, template) => {
  const modeler = new Modeler({
    container: '#canvas',
    additionalModules: [CloudElementTemplatesCoreModule, CloudBehaviors],
    moddleExtensions: { zeebe },
  });
  await modeler.importXML(model);
  modeler.get('elementTemplatesLoader').setTemplates([template]);
  const task = modeler.get('elementRegistry').get('Task_Step');
  modeler.get('elementTemplates').applyTemplate(task, template);
  const { xml } = await modeler.saveXML({ format: true });
  modeler.destroy();
  return xml;
};

window.complaints = async (model, templates) => {
  const plugins = [CloudElementTemplatesLinterPlugin(templates)];
  const found = await new Linter({ modeler: 'desktop', type: 'cloud', plugins }).lint(model);
  return found.map(({ category, rule, message }) => category + ' ' + rule + ': ' + message);
};`;

const MODEL = `<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:bpmndi="http://www.omg.org/spec/BPMN/20100524/DI"
  xmlns:dc="http://www.omg.org/spec/DD/20100524/DC" xmlns:di="http://www.omg.org/spec/DD/20100524/DI"
  xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" xmlns:modeler="http://camunda.org/schema/modeler/1.0" id="Definitions_Applied"
  targetNamespace="http://bpmn.io/schema/bpmn" modeler:executionPlatform="Camunda Cloud" modeler:executionPlatformVersion="8.6.0">
  <bpmn:process id="Applied" name="Applied" isExecutable="true">
    <bpmn:startEvent id="StartEvent_Wanted" name="Wanted"><bpmn:outgoing>Flow_ToStep</bpmn:outgoing></bpmn:startEvent>
    <bpmn:task id="Task_Step" name="Step">
      <bpmn:incoming>Flow_ToStep</bpmn:incoming><bpmn:outgoing>Flow_ToDone</bpmn:outgoing>
    </bpmn:task>
    <bpmn:endEvent id="EndEvent_Done" name="Done"><bpmn:incoming>Flow_ToDone</bpmn:incoming></bpmn:endEvent>
    <bpmn:sequenceFlow id="Flow_ToStep" sourceRef="StartEvent_Wanted" targetRef="Task_Step" />
    <bpmn:sequenceFlow id="Flow_ToDone" sourceRef="Task_Step" targetRef="EndEvent_Done" />
  </bpmn:process>
  <bpmndi:BPMNDiagram id="Diagram_Applied"><bpmndi:BPMNPlane id="Plane_Applied" bpmnElement="Applied">
    <bpmndi:BPMNShape id="StartEvent_Wanted_di" bpmnElement="StartEvent_Wanted"><dc:Bounds x="160" y="102" width="36" height="36" /></bpmndi:BPMNShape>
    <bpmndi:BPMNShape id="Task_Step_di" bpmnElement="Task_Step"><dc:Bounds x="260" y="80" width="100" height="80" /></bpmndi:BPMNShape>
    <bpmndi:BPMNShape id="EndEvent_Done_di" bpmnElement="EndEvent_Done"><dc:Bounds x="420" y="102" width="36" height="36" /></bpmndi:BPMNShape>
    <bpmndi:BPMNEdge id="Flow_ToStep_di" bpmnElement="Flow_ToStep"><di:waypoint x="196" y="120" /><di:waypoint x="260" y="120" /></bpmndi:BPMNEdge>
    <bpmndi:BPMNEdge id="Flow_ToDone_di" bpmnElement="Flow_ToDone"><di:waypoint x="360" y="120" /><di:waypoint x="420" y="120" /></bpmndi:BPMNEdge>
  </bpmndi:BPMNPlane></bpmndi:BPMNDiagram>
</bpmn:definitions>
`;

async function bundle(contents, file, options) {
  const outfile = fileURLToPath(new URL(file, cache));
  await build({ stdin: { contents, resolveDir: import.meta.dirname }, bundle: true, outfile, logLevel: 'error', ...options });
  return outfile;
}

/** What a person fills in where a field must not be empty: the first choice, else an expression. */
function filledIn(template) {
  const properties = template.properties.map((property) => {
    const empty = property.constraints?.notEmpty && property.value === undefined;
    return empty ? { ...property, value: property.choices?.[0].value ?? '=answer' } : property;
  });
  return { ...template, properties };
}

const script = await bundle(MODELER, 'modeler.js', { format: 'iife', platform: 'browser' });
const templates = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .flatMap((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')));
const kept = process.argv[2];
if (kept) mkdirSync(kept, { recursive: true });

/** Both run in the page. */
const apply = async ([xml, filled, untouched]) => [await window.applied(xml, filled), await window.applied(xml, untouched)];
const check = async ([filled, untouched, all]) => [await window.complaints(filled, all), await window.complaints(untouched, all)];

let wrong = 0;
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
try {
  const page = await browser.newPage();
  await page.setContent('<!doctype html><meta charset="utf-8"><div id="canvas"></div>');
  await page.addScriptTag({ path: script });
  for (const template of templates) {
    const [model, untouched] = await page.evaluate(apply, [MODEL, filledIn(template), template]);
    const [reports, empty] = await page.evaluate(check, [model, untouched, templates]);
    reports.forEach((report) => console.error(`${template.id}: ${report}`));
    wrong += reports.length;
    if (kept) writeFileSync(join(kept, `${template.id}.bpmn`), model);
    console.log(`${template.id}: ${reports.length === 0 ? 'good' : `${reports.length} to mend`}; left empty, ${empty.length} to fill in`);
  }
} finally {
  await browser.close();
}
process.exitCode = wrong === 0 ? 0 : 1;
