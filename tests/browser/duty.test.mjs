// What people on duty meet: an approval and a silence, a notifier that fails, an agent that is gone,
// and what each role may do with a policy. In this order, on one page.
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {createServer} from 'node:http';
import {join} from 'node:path';
import {after, before, test} from 'node:test';
import {Demo, until} from './demo.mjs';
import {expectAccessible, expectNoComplaints, launch, openPage} from './browser.mjs';

// Ends with the restart; longer than any of this takes.
const FAULT = {latency_ms: 1500, latency_rate: 1, duration_s: 600};
const POLICY = 'restart_sick';

let hook;
let demo;
let browser;
let page;

before(async () => {
  hook = createServer((_, response) => response.writeHead(404).end('no_service'));
  await new Promise((resolve) => hook.listen(0, '127.0.0.1', resolve));
  const notifier = [
    '  hook:',
    '    plugin: slack',
    `    inputs: [unusual, ${POLICY}]`,
    `    config: {webhook_url: "http://127.0.0.1:${hook.address().port}/hook"}`,
  ].join('\n');
  demo = await Demo.start({
    change: (text) =>
      `${text.replaceAll('mode: enforce', 'mode: approve').trimEnd()}\n${notifier}\n`,
  });
  browser = await launch();
  // Refused connections are what a browser says of an agent that is gone.
  page = await openPage(browser, demo.url, {expected: ['Failed to load resource', 'ERR_']});
});

after(async () => {
  await browser?.close();
  await demo?.stop();
  hook?.close();
});

const menu = (name) =>
  page
    .getByRole('navigation', {name: 'Pages'})
    .getByRole('link', {name: new RegExp(`^${name}`)})
    .click();
const dialog = () => page.getByRole('dialog');
const title = (name) => page.getByRole('heading', {level: 1, name}).waitFor();

async function answerDialog(name) {
  await dialog().getByRole('button', {name, exact: true}).click();
  await dialog().waitFor({state: 'detached'});
}

test('an open incident is silenced from its page, and the silence is ended', async () => {
  await demo.learned();
  await title(/All is well/);
  await demo.fault('payments', FAULT);
  await title(/1 action waits for approval/);
  const answer = page
    .getByRole('group', {name: /^Approval: restart payments/})
    .getByRole('button', {name: 'Approve'});
  await expectAccessible(page, 'an approval on the overview');
  const {y, height} = await answer.boundingBox();
  assert.ok(y + height < 500, `the answer is ${y + height} down`);
  await page.goto(`${demo.url}/#/incidents/1`);
  await page.getByRole('button', {name: 'Silence this'}).click();
  assert.equal(await dialog().getByLabel(/^What/).inputValue(), 'service="payments"');
  await expectAccessible(page, 'the form of a silence');
  await dialog().getByRole('button', {name: 'Silence', exact: true}).click();
  await dialog().getByText('Say why').waitFor();
  await dialog().getByLabel('Why').fill('deploy 7');
  await dialog().getByLabel(/^What/).fill('service');
  await dialog().getByRole('button', {name: 'Silence', exact: true}).click();
  await dialog()
    .getByText(/is no matcher/)
    .waitFor();
  await dialog().getByLabel(/^What/).fill('service=payments\nmetric=~latency.*');
  await dialog().getByLabel('For').selectOption('4 hours');
  await answerDialog('Silence');
  await page.getByText(/^Silenced by s1: nobody is told/).waitFor();
  await page.getByRole('button', {name: 'Silence this'}).waitFor({state: 'detached'});

  await menu('Overview');
  await title(/^All is well but for 1 silenced incident/);
  await page.getByRole('list', {name: 'Open incidents'}).getByText('Silenced by s1').waitFor();
  await page.getByRole('link', {name: '1 silence', exact: true}).click();
  const card = page.getByRole('article', {name: 'Silence s1'});
  await card.getByText('deploy 7').waitFor();
  await card.getByText('metric=~"latency.*"').waitFor();
  await card.getByText(/ends in 4 h/).waitFor();
  await expectAccessible(page, 'a silence');
  await card.getByRole('button', {name: 'End silence s1'}).click();
  await answerDialog('End it');
  await card.getByText('over', {exact: true}).waitFor();
  await page.getByText('Nothing is silenced.').waitFor();
  assert.equal((await demo.ask('/api/v1/status')).silences, 0);
  await menu('Overview');
  await title(/1 action waits for approval/);
  await answer.click();
  await answerDialog('Approve');
  await until('the end of the incident', async () => (await demo.ask('/api/v1/incidents/1')).closed);
});

test('a notifier that fails is told of once', async () => {
  const needs = page.getByRole('list', {name: 'Needs a person'}).getByRole('listitem');
  await needs.filter({hasText: 'notifier hook'}).waitFor();
  const status = await demo.ask('/api/v1/status');
  assert.ok(
    status.problems.some((problem) => problem.startsWith('hook: ')),
    'the agent lists it too',
  );
  const lines = (await needs.allInnerTexts()).filter((line) => line.includes('hook'));
  assert.equal(lines.length, 1, lines.join(' | '));
  assert.doesNotMatch(lines[0], /is running/);
  assert.match(lines[0], /404/);
});

test('what an agent that is gone said last is not shown as if it were now', async () => {
  await title(/Services are well|All is well/);
  const dimmed = () =>
    page
      .getByRole('article', {name: 'users'})
      .locator('.badge')
      .evaluate((badge) => getComputedStyle(badge).color);
  const before = await dimmed();
  demo.agent.kill('SIGKILL');
  await demo.agent.ended;
  await title(/^No word from heald for \d+ s$/);
  await page.getByText(/^What follows is as of \d\d:\d\d:\d\d\.$/).waitFor();
  assert.match(await page.title(), /^No word from Overview/);
  assert.notEqual(await dimmed(), before);
  await expectAccessible(page, 'the overview without the agent');
  await menu('Services');
  await page.getByText(/^No word from heald for \d+ s\./).waitFor();
  await menu('Overview');
  await demo.startAgent();
  await title(/Services are well|All is well|Learning/);
  assert.equal(await page.title(), 'Overview · heald');
  assert.equal(await dimmed(), before);
});

test('each role may do with a policy what the agent lets it do', async () => {
  const heald = (...args) =>
    execFileSync(
      join(demo.environment.HEALD_DEMO_BIN, 'heald'),
      ['token', 'create', ...args, '--state-dir', demo.environment.HEALD_DEMO_STATE],
      {encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore']},
    );
  const tokens = {};
  for (const role of ['viewer', 'operator', 'approver', 'admin'])
    tokens[role] = heald('--name', role, '--role', role).trim().split('\n').pop().trim();
  await page.getByLabel('Token').waitFor();
  const card = page.getByRole('article', {name: POLICY, exact: true});
  const policy = () => demo.ask(`/api/v1/policies/${POLICY}`, tokens.admin);
  const login = async (role) => {
    await page.getByLabel('Token').fill(tokens[role]);
    await page.getByRole('button', {name: 'Log in'}).click();
    await page.getByRole('button', {name: `You are user:${role}, ${role}`}).waitFor();
    await page.goto(`${demo.url}/#/policies`);
    await card.waitFor();
  };
  const logout = async () => {
    await page.getByRole('button', {name: /^You are/}).click();
    await dialog().getByRole('button', {name: 'Log out'}).click();
    await page.getByLabel('Token').waitFor();
  };
  const pick = (mode) => card.getByText(mode, {exact: true}).click({force: true});
  const refused = async (name, role) => {
    const control = card.getByRole(/able$/.test(name) ? 'button' : 'radio', {
      name: new RegExp(`^${name}`),
    });
    assert.equal(await control.getAttribute('aria-disabled'), role && 'true', name);
    if (role) await page.getByTitle(new RegExp(`needs the role ${role}`)).first().waitFor();
  };

  await login('viewer');
  await refused('shadow', 'operator');
  await refused('enforce', 'admin');
  await refused('Disable', 'operator');
  await pick('shadow');
  await page.getByText(/Not changed: needs the role operator/).waitFor();
  await logout();

  for (const role of ['operator', 'approver']) {
    await login(role);
    await refused('shadow', null);
    await refused('enforce', 'admin');
    await pick('enforce');
    await page.getByText(/Not changed: needs the role admin/).waitFor();
    assert.equal((await policy()).mode, 'approve');
    await pick('shadow');
    await until('mode shadow', async () => (await policy()).mode === 'shadow');
    await card.getByRole('button', {name: /^Disable/}).click();
    await card.getByText('disabled: it decides nothing').waitFor();
    await refused('approve', 'admin');
    await refused('Enable', 'admin');
    await logout();

    await login('admin');
    await card.getByRole('button', {name: /^Enable/}).click();
    await until('an enabled policy', async () => (await policy()).enabled);
    await card.getByRole('button', {name: /^Disable/}).waitFor();
    await pick('approve');
    await until('mode approve', async () => (await policy()).mode === 'approve');
    if (role === 'operator') {
      await logout();
      continue;
    }
    await pick('enforce');
    await answerDialog('Enforce');
    await until('mode enforce', async () => (await policy()).mode === 'enforce');
  }
  expectNoComplaints(page);
});
