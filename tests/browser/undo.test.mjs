// An undo that waits for its target: people see it, and why, and may leave things as they are.
import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {Argocd} from './argocd.mjs';
import {Demo, until} from './demo.mjs';
import {expectAccessible, expectNoComplaints, launch, openPage} from './browser.mjs';

const argocd = new Argocd();
let demo;
let browser;
let page;

// A service of its own beside the demo's, whose repair is taken back as soon as it has helped.
function withRollback(text) {
  const more = {
    sources: `shop: {plugin: scrape, config: {targets: ['${argocd.url}/metrics'], interval: 1s, metrics: {sick: {gauge: sick, by: [service]}}}}`,
    detectors: 'ill: {plugin: threshold, inputs: [shop.sick], config: {above: {critical: 0.5}}}',
    policies:
      'back_out: {inputs: [ill], when: sick > 0.5, action: back, mode: enforce, guard: {cooldown: 1h}, verify: {within: 60s}, undo: {after: 1s}}',
    actions: `back: {plugin: argocd, config: {url: '${argocd.url}', bearer_token: old, operation: rollback, application: checkout}}`,
  };
  for (const [section, line] of Object.entries(more))
    text = text.replace(`\n${section}:\n`, (head) => `${head}  ${line}\n`);
  return text;
}

before(async () => {
  await argocd.start();
  demo = await Demo.start({change: withRollback});
  browser = await launch();
  page = await openPage(browser, demo.url);
});

after(async () => {
  await browser?.close();
  await demo?.stop();
  argocd.stop();
});

async function undoThatWaits() {
  const {undos} = await demo.ask('/api/v1/approvals');
  return undos[0];
}

test('an undo that waits is listed with its reason, and left as it is', async () => {
  const {decision} = await until('undo that waits', undoThatWaits, 60_000);
  await page.goto(`${demo.url}/#/approvals`);
  const card = page
    .getByRole('region', {name: 'Not undone yet'})
    .getByRole('article', {name: /^Undo: .*roll back checkout from bbbbbbb/});
  await card.getByText(/should have been undone .* ago/).waitFor();
  await card.getByText(/token is expired \(HTTP 401\)/).waitFor();
  await expectAccessible(page, 'an undo that waits');
  await card.getByRole('button', {name: 'Leave as it is'}).click();
  await expectAccessible(page, 'the question before an undo is given up');
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', {name: 'Leave as it is', exact: true}).click();
  await card.waitFor({state: 'detached'});
  await page.getByText('Nothing waits for approval.').waitFor();
  assert.equal(await undoThatWaits(), undefined);
  const {timeline} = await demo.ask(`/api/v1/incidents/${decision.incident}`);
  const end = timeline.find(({event}) => event === 'undo.dropped');
  assert.match(end?.text ?? 'nothing', /left as it is by local \(dashboard\)$/);
  expectNoComplaints(page);
});
