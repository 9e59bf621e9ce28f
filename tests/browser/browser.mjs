// Headless Chromium, and what every test asks of a page.
import {createRequire} from 'node:module';
import {existsSync, readFileSync} from 'node:fs';
import assert from 'node:assert/strict';
import {chromium} from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const PATIENCE_MS = 20_000;

export async function launch() {
  const executablePath = process.env.HEALD_CHROMIUM ?? PLACES.find(existsSync);
  if (!executablePath)
    throw new Error('no Chromium: install the package chromium, or set HEALD_CHROMIUM');
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-dev-shm-usage',
    ],
  });
}

// A page that fails its test on any error in the console, on any request to elsewhere and on any
// breach of the content security policy. `expected`: parts of messages that belong to the test.
export async function openPage(browser, url, {expected = [], ...options} = {}) {
  const context = await browser.newContext({
    viewport: {width: 1280, height: 900},
    reducedMotion: 'reduce',
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  page.complaints = [];
  const complain = (text) =>
    expected.some((part) => text.includes(part)) || page.complaints.push(text);
  page.on('console', (message) => message.type() === 'error' && complain(message.text()));
  page.on('pageerror', (error) => complain(String(error)));
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith('data:'))
      complain(`asked ${request.url()}`);
  });
  await page.goto(`${url}/`);
  return page;
}

export function expectNoComplaints(page) {
  assert.deepEqual(page.complaints, [], 'errors in the browser');
}

// Fails on what axe-core calls serious or critical, and on headings that skip a level. Through the debugger, so the page's policy stands.
export async function expectAccessible(page, where) {
  await page.evaluate(AXE);
  const result = await page.evaluate(() =>
    globalThis.axe.run(document, {
      resultTypes: ['violations'],
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    }),
  );
  const grave = result.violations
    .filter(({id, impact}) => id === 'heading-order' || impact === 'serious' || impact === 'critical')
    .map(
      ({id, nodes}) =>
        `${id}: ${nodes.map((node) => `${node.target}: ${node.any.map((check) => check.message)}`).join(' | ')}`,
    );
  assert.deepEqual(grave, [], `accessibility of ${where}`);
}
