'use strict';
// Everything from the agent goes into the page as text nodes, never as markup.
const $ = (id) => document.getElementById(id);
const shown = new Map(); // what each element shows now, so that nothing is redrawn without need

function element(tag, text, kind) {
  const node = document.createElement(tag);
  node.textContent = text;
  if (kind) node.className = kind;
  return node;
}

function ago(time) {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(time)) / 1000));
  if (seconds < 90) return `${seconds} s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 129600) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86400)} days ago`;
}

function when(time) {
  const node = element('time', ago(time));
  node.dateTime = time;
  node.title = new Date(time).toLocaleString();
  return node;
}

function show(id, parts, kind = '') {
  const key = JSON.stringify([kind, parts.map((p) => p.outerHTML ?? p)]);
  if (shown.get(id) === key) return;
  shown.set(id, key);
  $(id).className = kind;
  $(id).replaceChildren(...parts);
}

function list(id, items, draw, none) {
  show(id, items.length ? items.map((item) => {
    const li = document.createElement('li');
    li.append(...draw(item));
    return li;
  }) : [element('li', none, 'soft')]);
}

function drawIncident(incident) {
  const open = incident.closed === null;
  const line = `#${incident.id} ${incident.target_name}: ${incident.summary}`;
  return [element('div', line), element('span', `${incident.state}, ${incident.severity}, opened `,
    open ? 'bad' : 'soft'), when(incident.opened)];
}

function drawNode(node) {
  const state = !node.enabled ? 'parked' : node.ok ? 'working' : `not working: ${node.detail}`;
  const counts = `${node.records_in} in, ${node.records_out} out, ${node.errors} errors, ` +
    `${node.dropped} dropped`;
  return [element('div', `${node.name} (${node.kind} ${node.plugin}) ${state}`,
    node.enabled && !node.ok ? 'bad' : ''), element('span', counts, 'soft')];
}

function drawPolicy(policy) {
  const state = policy.enabled ? policy.mode : 'parked';
  return [element('div', policy.name), element('span', `${state}, action ${policy.action}`, 'soft')];
}

function drawStatus(status) {
  const broken = status.nodes.filter((node) => node.enabled && !node.ok).length;
  if (status.open_incidents > 0) {
    show('headline', [`${status.open_incidents} open incident${status.open_incidents > 1 ? 's' : ''}`], 'bad');
  } else if (broken > 0) {
    show('headline', [`${broken} part${broken > 1 ? 's' : ''} of the pipeline not working`], 'bad');
  } else if (status.learning) {
    show('headline', ['Learning what normal looks like']);
  } else {
    const since = status.healthy_since ? [', since ', when(status.healthy_since)] : [];
    show('headline', ['All is well', ...since], 'good');
  }
  const on = status.remediation.enabled;
  const say = on ? 'Remediation is on' : `Remediation was switched off by ${status.remediation.actor}`;
  const notes = [say, status.dry_run ? '; dry run: every action is simulated' : '',
    status.reload_error ? `; the last reload failed: ${status.reload_error}` : ''];
  show('remediation', [notes.join('')], on && !status.reload_error ? '' : 'bad');
  list('nodes', status.nodes, drawNode, 'The pipeline has no nodes.');
  list('policies', status.policies, drawPolicy, 'No policies: findings are reported, nothing is done.');
  show('footer', [`heald ${status.version}, ${status.pipeline_file}, started `, when(status.started)]);
}

async function ask(path) {
  const token = sessionStorage.getItem('token');
  const answer = await fetch(path, token ? { headers: { Authorization: `Bearer ${token}` } } : {});
  $('access').hidden = answer.status !== 401;
  if (!answer.ok) throw new Error(answer.status === 401 ? 'A token is needed.' :
    `The agent answered ${answer.status}.`);
  return answer.json();
}

async function refresh() {
  try {
    drawStatus(await ask('/api/v1/status'));
    const page = await ask('/api/v1/incidents?limit=20');
    list('incidents', page.incidents, drawIncident, 'None so far.');
  } catch (error) {
    const down = error instanceof TypeError;
    show('headline', [down ? 'The agent does not answer.' : error.message], 'bad');
  }
  setTimeout(refresh, document.hidden ? 10000 : 2000);
}

$('access').addEventListener('submit', (event) => {
  event.preventDefault();
  sessionStorage.setItem('token', $('token').value);
  $('token').value = '';
});
refresh();
