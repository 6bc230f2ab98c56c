// Draws every model into docs/images/models/: BPMN as SVG, decision tables as PNG.
// The same input gives the same bytes on the same machine, so a changed picture means a changed model.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { models, packageFile, picturesFolder } from './models.js';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** A page with the given scripts and styles of installed packages in it, and one element to draw into. */
async function canvas(browser, { scripts = [], styles = [], width = 1600, height = 1000 }) {
  const page = await browser.newPage({ viewport: { width, height } });
  await page.setContent('<!doctype html><meta charset="utf-8"><div id="canvas"></div>');
  for (const style of styles) await page.addStyleTag({ content: readFileSync(packageFile(style), 'utf8') });
  for (const script of scripts) await page.addScriptTag({ path: packageFile(script) });
  return page;
}

/** bpmn-js gives its markers random ids; number them in the order of their appearance. */
function withStableIds(svg) {
  const seen = new Map();
  return svg.replace(/\b(marker-)[0-9a-z]{10,}\b/g, (id, prefix) => {
    if (!seen.has(id)) seen.set(id, `${prefix}${seen.size + 1}`);
    return seen.get(id);
  });
}

/** Black lines on no background vanish on a dark page. */
function onWhite(svg) {
  return svg.replace('<svg ', '<svg style="background: #fff" ');
}

async function drawBpmn(browser, model) {
  const page = await canvas(browser, {
    scripts: ['bpmn-js/dist/bpmn-viewer.production.min.js'],
    styles: ['bpmn-js/dist/assets/bpmn-js.css', 'bpmn-js/dist/assets/diagram-js.css'],
  });
  const svg = await page.evaluate(async (xml) => {
    const viewer = new window.BpmnJS({ container: '#canvas' });
    await viewer.importXML(xml);
    return (await viewer.saveSVG()).svg;
  }, model.text);
  await page.close();
  write(`${model.name}.svg`, onWhite(withStableIds(svg)).trimEnd() + '\n');
}

async function drawDmn(browser, model) {
  const styles = ['dmn-js-shared', 'dmn-js-decision-table'].map((name) => `dmn-js/dist/assets/${name}.css`);
  const page = await canvas(browser, {
    scripts: ['dmn-js/dist/dmn-viewer.production.min.js'],
    styles: [...styles, 'dmn-js/dist/assets/dmn-font/css/dmn-embedded.css'],
    width: 2500,
  });
  await page.addStyleTag({ content: '#canvas { height: 560px } .view-drd { display: none !important }' });
  await page.evaluate(async (xml) => {
    const viewer = new window.DmnJS({ container: '#canvas' });
    await viewer.importXML(xml);
    await viewer.open(viewer.getViews().find(({ type }) => type === 'decisionTable'));
  }, model.text);
  await snapshot(page, '#canvas', `${model.name}.png`);
}

async function snapshot(page, selector, file) {
  await page.locator(selector).screenshot({ path: join(picturesFolder, file), animations: 'disabled' });
  await page.close();
  console.log(`docs/images/models/${file}`);
}

function write(file, text) {
  writeFileSync(join(picturesFolder, file), text);
  console.log(`docs/images/models/${file}`);
}

mkdirSync(picturesFolder, { recursive: true });
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
try {
  for (const model of models('.bpmn')) await drawBpmn(browser, model);
  for (const model of models('.dmn')) await drawDmn(browser, model);
} finally {
  await browser.close();
}
