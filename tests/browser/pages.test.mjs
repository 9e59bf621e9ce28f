// Every page of the dashboard over the running demo: it draws, in light and dark and at phone width,
// without a grave accessibility finding; keyboard, lists and the configuration work.
import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {Demo, until} from './demo.mjs';
import {expectAccessible, expectNoComplaints, launch, openPage} from './browser.mjs';

const PAGES = [
  ['/#/', /All is well|Learning|unusual|needs a look/],
  ['/#/services', 'Services'],
  ['/#/services/payments', 'payments'],
  ['/#/incidents', 'Incidents'],
  ['/#/anomalies', 'Anomalies'],
  ['/#/predictions', 'Predictions'],
  ['/#/approvals', 'Approvals'],
  ['/#/actions', 'Actions'],
  ['/#/policies', 'Policies'],
  ['/#/silences', 'Silences'],
  ['/#/reports', 'Reports'],
  ['/#/reports?weeks=12', 'Reports'],
  ['/#/pipeline', 'Pipeline'],
  ['/#/pipeline/unusual', 'Pipeline'],
  ['/#/plugins', 'Plugins'],
  ['/#/plugins/detector/zscore', 'detector zscore'],
  ['/#/config', 'Configuration'],
  ['/#/audit', 'Audit'],
  ['/docs', 'heald API'],
];

let demo;
let browser;

before(async () => {
  demo = await Demo.start({change: (text) => text});
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await demo?.stop();
});

async function visit(page, path, title) {
  await page.goto(demo.url + path);
  await page.getByRole('heading', {level: 1, name: title}).waitFor();
  await page.locator('main').getByText('Loading…').first().waitFor({state: 'detached'});
}

for (const colorScheme of ['light', 'dark']) {
  test(`every page draws and is accessible in ${colorScheme}`, async () => {
    const page = await openPage(browser, demo.url, {colorScheme});
    for (const [path, title] of PAGES) {
      await visit(page, path, title);
      await expectAccessible(page, `${path} in ${colorScheme}`);
    }
    expectNoComplaints(page);
    await page.context().close();
  });
}

test('no page is wider than a small phone', async () => {
  const page = await openPage(browser, demo.url, {viewport: {width: 320, height: 740}});
  for (const [path, title] of PAGES) {
    await visit(page, path, title);
    const [content, window] = await page.evaluate(() => [
      document.documentElement.scrollWidth,
      innerWidth,
    ]);
    assert.ok(content <= window, `${path} is ${content} wide`);
  }
  await page.getByRole('button', {name: 'Menu'}).click();
  await page.getByRole('navigation', {name: 'Pages'}).getByRole('link', {name: 'Policies'}).click();
  await page.getByRole('heading', {level: 1, name: 'Policies'}).waitFor();
  await page.context().close();
});

test('the keyboard reaches everything', async () => {
  const page = await openPage(browser, demo.url);
  await page.getByRole('heading', {level: 1}).waitFor();
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to the page');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  await page.keyboard.press('g');
  await page.keyboard.press('p');
  await page.getByRole('heading', {level: 1, name: 'Pipeline'}).waitFor();
  await page.waitForFunction(() => document.activeElement.textContent === 'Pipeline');
  await page.keyboard.press('?');
  const help = page.getByRole('dialog', {name: 'Keyboard'});
  await help.waitFor();
  await expectAccessible(page, 'the list of shortcuts');
  await page.keyboard.press('Escape');
  await help.waitFor({state: 'detached'});
  await page.getByRole('link', {name: /^detector unusual, running/}).press('Enter');
  await page.getByRole('region', {name: 'unusual'}).waitFor();
  await page.context().close();
});

test('the theme can be chosen and stays', async () => {
  const page = await openPage(browser, demo.url, {colorScheme: 'light'});
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await page.getByRole('button', {name: /^Colours: auto/}).click();
  await page.getByRole('button', {name: /^Colours: light/}).click();
  await page.getByRole('button', {name: /^Colours: dark/}).waitFor();
  const dark = await ground();
  assert.notEqual(dark, light);
  await page.reload();
  await page.getByRole('heading', {level: 1}).waitFor();
  assert.equal(await ground(), dark);
  await page.context().close();
});

test('the graph shows what flows', async () => {
  const page = await openPage(browser, demo.url);
  await page.goto(`${demo.url}/#/pipeline`);
  await page.getByRole('link', {name: /^source services, running, [0-9.]+\/s$/}).waitFor();
  await page.context().close();
});

test('"check now" tells what was found', async () => {
  const page = await openPage(browser, demo.url);
  await page.getByRole('button', {name: 'Check now'}).click();
  const dialog = page.getByRole('dialog', {name: 'What the check found'});
  await dialog.getByText(/sources asked/).waitFor();
  await dialog.getByRole('link', {name: 'services'}).waitFor();
  await dialog.getByRole('button', {name: 'Close'}).click();
  await dialog.waitFor({state: 'detached'});
  expectNoComplaints(page);
  await page.context().close();
});

test('what is new waits while someone reads further down', async () => {
  const put = (enabled) =>
    fetch(`${demo.url}/api/v1/switch`, {
      method: 'PUT',
      body: JSON.stringify({enabled, actor: 'reader'}),
    });
  for (let i = 0; i < 12; ++i) await put(i % 2 === 1);
  const page = await openPage(browser, demo.url, {viewport: {width: 1280, height: 300}});
  await page.goto(`${demo.url}/#/audit`);
  const rows = page.locator('main tbody tr');
  await until('twelve rows', async () => (await rows.count()) >= 12);
  await page.evaluate(() => scrollTo(0, 260));
  const top = await rows.nth(4).boundingBox();
  const count = await rows.count();
  await put(false);
  await put(true);
  const fresh = page.getByRole('button', {name: '2 new'});
  await fresh.waitFor();
  assert.equal(await rows.count(), count);
  assert.deepEqual(await rows.nth(4).boundingBox(), top, 'the list moved');
  await fresh.click();
  await until('the new rows', async () => (await rows.count()) === count + 2);
  await page.context().close();
});

test('a file with errors changes nothing and is explained', async () => {
  const page = await openPage(browser, demo.url, {expected: ['422']});
  await page.goto(`${demo.url}/#/config`);
  await page.getByText('plugin: baseline').waitFor();
  demo.write(demo.original.replace('direction: above', 'directon: above'));
  await page.getByRole('button', {name: 'Reload the file'}).click();
  const errors = page.getByRole('region', {name: 'Errors of the last reload'});
  await errors.getByText(/pipeline\.yaml:\d+:\d+: error: .*directon[^]*\^~+/).waitFor();
  await page.getByRole('navigation', {name: 'Pages'}).getByRole('link', {name: 'Overview'}).click();
  const need = page
    .getByRole('list', {name: 'Needs a person'})
    .getByRole('listitem')
    .filter({hasText: 'The last reload failed'});
  assert.doesNotMatch(await need.innerText(), /\^~/, 'the overview has a short line');
  await need.getByRole('link', {name: 'What is wrong with the file'}).click();
  await errors.waitFor();
  demo.write(demo.original);
  await page.getByRole('button', {name: 'Reload the file'}).click();
  await page.getByRole('main').getByText('reloaded', {exact: true}).waitFor();
  await errors.waitFor({state: 'detached'});
  expectNoComplaints(page);
  await page.context().close();
});
