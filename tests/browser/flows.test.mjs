// What people do with the dashboard, against the running demo with its policies in mode approve: an
// approval, the switch, modes, a restart of the agent, tokens and roles. In this order, on one page.
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {join} from 'node:path';
import {after, before, test} from 'node:test';
import {Demo, until} from './demo.mjs';
import {expectAccessible, expectNoComplaints, launch, openPage} from './browser.mjs';

const FAULT = {latency_ms: 1500, latency_rate: 1, duration_s: 60};

let demo;
let browser;
let page;

before(async () => {
  demo = await Demo.start({change: (text) => text.replaceAll('mode: enforce', 'mode: approve')});
  browser = await launch();
  // Refused connections are what a browser says of an agent that restarts.
  page = await openPage(browser, demo.url, {expected: ['Failed to load resource', 'ERR_']});
});

after(async () => {
  await browser?.close();
  await demo?.stop();
});

const menu = (name) =>
  page
    .getByRole('navigation', {name: 'Pages'})
    .getByRole('link', {name: new RegExp(`^${name}`)})
    .click();
const dialog = () => page.getByRole('dialog');
const live = () => page.getByRole('banner').getByText('live', {exact: true}).waitFor();

async function answerDialog(name) {
  await dialog().getByRole('button', {name, exact: true}).click();
  await dialog().waitFor({state: 'detached'});
}

test('who sits here can say so', async () => {
  await page.getByRole('button', {name: /^You are local, admin/}).click();
  await dialog().getByLabel('Your name, for the journal').fill('anna');
  await answerDialog('Save');
  await page.getByRole('button', {name: /^You are anna/}).waitFor();
});

test('an approval appears at once, is given, and the service is healed', async () => {
  await demo.learned();
  await live();
  await page.getByRole('heading', {level: 1, name: /All is well/}).waitFor();
  await demo.fault('payments', FAULT);
  await page.getByRole('heading', {level: 1, name: /1 action waits for approval/}).waitFor();
  await menu('Approvals');
  const card = page.getByRole('article', {name: /^Approval: restart payments/});
  await card.getByText(/guards ok$/).click();
  await card.getByRole('list', {name: 'Guards'}).getByText('cooldown ok').waitFor();
  await expectAccessible(page, 'an approval');
  await card.getByRole('button', {name: 'Approve'}).click();
  await expectAccessible(page, 'the question before an approval');
  await answerDialog('Approve');
  await page.getByText('Nothing waits for approval.').waitFor();

  await menu('Incidents');
  await page.getByRole('main').getByRole('link', {name: /^#1/}).click();
  await page.getByRole('heading', {level: 1, name: 'Incident #1'}).waitFor();
  await page.getByText('resolved', {exact: true}).waitFor();
  for (const step of [
    'finding opened',
    'approval asked',
    'approval given',
    'execution issued',
    'execution verified',
    'incident resolved',
  ])
    await page.locator('.timeline').getByText(step, {exact: true}).first().waitFor();
  await page.locator('.chart canvas').first().waitFor();
  await page.locator('.timeline').getByText('by user:anna').first().waitFor();
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({colorScheme});
    await expectAccessible(page, `an incident in ${colorScheme}`);
  }
  const chain = await demo.ask('/api/v1/incidents/1');
  assert.equal(chain.state, 'resolved');
  assert.equal(chain.outcomes.at(-1).state, 'verified');
});

test('people say what an incident really was, and the report counts it', async () => {
  await page.getByText('false positive', {exact: true}).click();
  await page.getByText(/said by user:anna/).waitFor();
  assert.equal((await demo.ask('/api/v1/incidents/1')).label.value, 'false_positive');
  await expectAccessible(page, 'an incident with a label');
  await menu('Reports');
  const week = page.getByRole('region', {name: 'By week'}).getByRole('row').nth(1);
  await week.waitFor();
  assert.equal((await demo.ask('/api/v1/reports/weekly')).total.false_positives, 1);
  await expectAccessible(page, 'the reports');
  await menu('Incidents');
  await page.getByRole('main').getByText('false positive', {exact: true}).waitFor();
  await page.getByRole('main').getByRole('link', {name: /^#1/}).click();
  await page.getByRole('button', {name: 'Take back'}).click();
  await page.getByText(/said by user:anna/).waitFor({state: 'detached'});
});

test('what was done is in the lists', async () => {
  await menu('Actions');
  const row = page
    .getByRole('region', {name: 'History of actions'})
    .getByRole('row', {name: /restart payments/});
  await row.getByText('verified').waitFor();
  await menu('Anomalies');
  await page.getByText(/latency_p99 (peaked|was) at .* s, now/).first().waitFor();
  await page.getByRole('button', {name: 'Show latency_p99 of payments'}).first().click();
  await page.locator('.chart canvas').waitFor();
  await expectAccessible(page, 'an anomaly');
  await menu('Audit');
  await page.getByRole('region', {name: 'Audit'}).getByText('user:anna').first().waitFor();
});

test('an approval says how long it waits, is denied, and nothing is done', async () => {
  await demo.fault('orders', {...FAULT, duration_s: 15});
  await menu('Approvals');
  const card = page.getByRole('article', {name: /^Approval: restart orders/});
  await card.getByText(/expires in \d+ min/).waitFor();
  const [asked] = (await demo.ask('/api/v1/approvals')).approvals;
  await card.getByRole('button', {name: 'Deny'}).click();
  await expectAccessible(page, 'the question before a denial');
  await answerDialog('Deny');
  await page.getByText('Nothing waits for approval.').waitFor();
  const path = `/api/v1/incidents/${asked.incident}`;
  await until('the fault is over', async () => (await demo.ask(path)).state === 'resolved', 60_000);
  const chain = await demo.ask(path);
  const denied = chain.decisions.find((decision) => decision.id === asked.id);
  assert.deepEqual([denied.verdict, denied.actor, denied.via], ['refused', 'user:anna', 'dashboard']);
  assert.equal(chain.outcomes.length, 0);
});

test('the switch asks first, works, and everyone sees it', async () => {
  const other = await openPage(browser, demo.url);
  await other.getByRole('button', {name: /^Remediation is on/}).waitFor();
  await page.getByRole('button', {name: /^Remediation is on/}).click();
  await answerDialog('Cancel');
  assert.equal((await demo.ask('/api/v1/switch')).enabled, true);
  await page.getByRole('button', {name: /^Remediation is on/}).click();
  await answerDialog('Switch off');
  await page.getByRole('button', {name: /^Remediation is off/}).waitFor();
  const state = await demo.ask('/api/v1/switch');
  assert.deepEqual([state.enabled, state.actor], [false, 'user:anna']);
  await other.getByRole('button', {name: /^Remediation is off/}).waitFor();
  await other
    .getByRole('list', {name: 'Needs a person'})
    .getByText('switched off by user:anna')
    .waitFor();
  await expectAccessible(other, 'the overview with remediation off');
  await page.getByRole('button', {name: /^Remediation is off/}).click();
  await answerDialog('Switch on');
  await other.getByRole('button', {name: /^Remediation is on/}).waitFor();
  expectNoComplaints(other);
  await other.context().close();
});

test('a policy changes its mode; enforcing asks first', async () => {
  await menu('Policies');
  const card = page.getByRole('article', {name: 'restart_sick'});
  const mode = async () => (await demo.ask('/api/v1/policies/restart_sick')).mode;
  await card.getByText('shadow', {exact: true}).click();
  await card.getByText(/The file says approve; changed by user:anna/).waitFor();
  assert.equal(await mode(), 'shadow');
  await card.getByText('enforce', {exact: true}).click();
  await answerDialog('Cancel');
  assert.equal(await mode(), 'shadow');
  assert.ok(await card.getByRole('radio', {name: 'shadow'}).isChecked());
  await card.getByText('enforce', {exact: true}).click();
  await answerDialog('Enforce');
  await until('mode enforce', async () => (await mode()) === 'enforce');
  await page.waitForFunction(() => document.querySelector('input[value=enforce]').checked);
  await card.getByRole('button', {name: 'Disable restart_sick'}).click();
  await card.getByText('disabled: it decides nothing').waitFor();
  assert.equal((await demo.ask('/api/v1/policies/restart_sick')).enabled, false);
  await card.getByRole('button', {name: 'Enable restart_sick'}).click();
  await card.getByRole('button', {name: 'Disable restart_sick'}).waitFor();
});

test('the page survives a restart of the agent', async () => {
  await menu('Overview');
  await live();
  await demo.stopAgent();
  await page.getByRole('banner').getByText('reconnecting').waitFor();
  await page.getByRole('heading', {level: 2, name: 'Services'}).waitFor();
  await demo.startAgent();
  await live();
  await page.getByRole('article', {name: 'payments'}).waitFor();
  // And what happens now arrives.
  await fetch(`${demo.url}/api/v1/switch`, {method: 'PUT', body: JSON.stringify({enabled: false})});
  await page.getByRole('button', {name: /^Remediation is off/}).waitFor();
});

test('a token is asked for, and a role may do what it may', async () => {
  const heald = (...args) =>
    execFileSync(
      join(demo.environment.HEALD_DEMO_BIN, 'heald'),
      ['token', ...args, '--state-dir', demo.environment.HEALD_DEMO_STATE],
      {encoding: 'utf8'},
    );
  const create = (name, role) =>
    heald('create', '--name', name, '--role', role).trim().split('\n').pop().trim();
  const tokens = {viewer: create('vera', 'viewer'), approver: create('paul', 'approver')};
  const login = async (token) => {
    await page.getByLabel('Token').fill(token);
    await page.getByRole('button', {name: 'Log in'}).click();
  };
  await page.getByLabel('Token').waitFor();
  await expectAccessible(page, 'the login');
  await login('not-a-token');
  await page.getByRole('alert').waitFor();
  await login(tokens.viewer);
  await page.getByRole('button', {name: /^You are user:vera, viewer/}).waitFor();
  await live();
  const toggle = page.getByRole('button', {name: /^Remediation is off/});
  assert.equal(await toggle.getAttribute('aria-disabled'), 'true');
  assert.match(await toggle.getAttribute('title'), /needs the role operator/);
  await menu('Policies');
  await page
    .getByRole('article', {name: 'restart_sick'})
    .getByText('shadow', {exact: true})
    .click({force: true}); // it says itself that it is disabled
  await page.getByText(/Not changed: needs the role operator/).waitFor();
  await expectAccessible(page, 'what a viewer may not do');

  await page.getByRole('button', {name: /^You are user:vera/}).click();
  await dialog().getByRole('button', {name: 'Log out'}).click();
  await page.getByLabel('Token').waitFor();
  await login(tokens.approver);
  await page.getByRole('button', {name: /^You are user:paul, approver/}).waitFor();
  await page.getByRole('button', {name: /^Remediation is off/}).click();
  await answerDialog('Switch on');
  assert.equal((await demo.ask('/api/v1/switch', tokens.approver)).actor, 'user:paul');

  heald('revoke', 'paul');
  await page.getByLabel('Token').waitFor();
  expectNoComplaints(page);
});
