// README's pictures, taken from the running demo while it heals: pictures.mjs FOLDER.
import {statSync} from 'node:fs';
import {join} from 'node:path';
import {Demo, until} from './demo.mjs';
import {launch, openPage} from './browser.mjs';

const LIMIT_BYTES = 200_000;
const SEEN_S = 24; // of calm before the fault, so that the lines have a past

const folder = process.argv[2] ?? '.';
const demo = await Demo.start();
const browser = await launch();

async function take(page, name, height) {
  await page.setViewportSize({width: 1280, height});
  await page.evaluate(() => document.activeElement?.blur());
  const file = join(folder, `${name}.png`);
  await page.screenshot({path: file});
  const {size} = statSync(file);
  console.log(`${file}  ${Math.round(size / 1000)} KB`);
  if (size > LIMIT_BYTES) throw new Error(`${file} is above ${LIMIT_BYTES / 1000} KB`);
}

try {
  const page = await openPage(browser, demo.url, {colorScheme: 'light'});
  await demo.learned();
  const seen = Date.now() + SEEN_S * 1000;
  await until('a past to show', () => Date.now() > seen, 60_000);
  await demo.fault('payments', {latency_ms: 1500, latency_rate: 1, duration_s: 60});
  await page.getByRole('heading', {level: 1, name: 'Verifying payments'}).waitFor();
  await page.getByText(/ready after/).waitFor();
  await take(page, 'dashboard', 760);
  await page.goto(`${demo.url}/#/incidents/1`);
  await page.getByText('resolved', {exact: true}).waitFor();
  await page.locator('.chart canvas').first().waitFor();
  await take(page, 'incident', 790);
  await page.goto(`${demo.url}/#/pipeline/unusual`);
  await page.getByRole('link', {name: /^source services, running, [0-9.]+\/s$/}).waitFor();
  await take(page, 'pipeline', 900);
} finally {
  await browser.close();
  await demo.stop();
}
