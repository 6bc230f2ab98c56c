// Draws every diagram of docs/diagrams/*.d2 into docs/images/diagrams/ as SVG. With --check it draws nothing and says
// which picture was not drawn from the text that is there now: each picture carries the digest of its source.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const docs = join(dirname(fileURLToPath(import.meta.url)), '../../../docs');
const sources = join(docs, 'diagrams');
const pictures = join(docs, 'images/diagrams');

function diagrams() {
  return readdirSync(sources)
    .filter((name) => name.endsWith('.d2'))
    .sort()
    .map((name) => {
      const text = readFileSync(join(sources, name), 'utf8');
      const picture = join(pictures, name.replace(/\.d2$/, '.svg'));
      const mark = `<!-- Drawn from docs/diagrams/${name}, sha256 ${createHash('sha256').update(text).digest('hex')} -->`;
      return { name, text, picture, mark };
    });
}

function isCurrent({ picture, mark }) {
  return existsSync(picture) && readFileSync(picture, 'utf8').includes(mark);
}

async function draw(stale) {
  const { D2 } = await import('@terrastruct/d2');
  const d2 = new D2();
  mkdirSync(pictures, { recursive: true });
  for (const { name, text, picture, mark } of stale) {
    const { diagram, renderOptions } = await d2.compile(text, { layout: 'elk' });
    const svg = await d2.render(diagram, { ...renderOptions, themeID: 0, pad: 24, noXMLTag: true, center: true });
    writeFileSync(picture, `${svg.trimEnd()}\n${mark}\n`);
    console.log(`drew ${name}`);
  }
}

const stale = diagrams().filter((diagram) => !isCurrent(diagram));
if (process.argv.includes('--check')) {
  for (const { name } of stale) console.error(`docs/diagrams/${name} was changed and not drawn: make diagrams`);
  process.exit(stale.length ? 1 : 0);
}
if (stale.length) await draw(stale);
process.exit(0);
