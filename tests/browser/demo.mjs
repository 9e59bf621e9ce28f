// The running demo for the browser: heald with configs/demo.yaml, its three services and traffic, on
// free ports and with a state folder of its own. Everything is waited for, nothing is slept through.
import {spawn} from 'node:child_process';
import {mkdtempSync, openSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {connect, createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';

const SOURCE = process.env.HEALD_SOURCE_DIR ?? fileURLToPath(new URL('../..', import.meta.url));
const BIN = process.env.HEALD_BIN_DIR ?? join(SOURCE, 'build/release/bin');
export const SERVICES = ['orders', 'users', 'payments'];

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Asks again and again until it gets something true; the error says what was waited for.
export async function until(what, ask, limitMs = 30_000) {
  const end = Date.now() + limitMs;
  let last;
  for (;;) {
    try {
      const found = await ask();
      if (found) return found;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end)
      throw new Error(`no ${what} within ${limitMs / 1000} s${last ? `: ${last.message}` : ''}`);
    await pause(50);
  }
}

const listens = (port) =>
  new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

const answers = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket.destroy() && true));
    socket.once('error', () => resolve(false));
  });

// Below the range that outgoing connections take theirs from.
export async function freePort(taken) {
  for (let attempt = 0; attempt < 200; ++attempt) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (!taken.has(port) && (await listens(port))) return taken.add(port) && port;
  }
  throw new Error('no free port from 20000 to 32000');
}

export class Demo {
  children = [];
  folder = mkdtempSync(join(tmpdir(), 'heald-browser-'));

  // `change` edits the text of configs/demo.yaml; without it heald runs that file itself.
  static async start({change = null} = {}) {
    const demo = new Demo();
    try {
      await demo.begin(change);
      return demo;
    } catch (error) {
      const log = demo.log();
      await demo.stop();
      throw new Error(`${error.message}\n${log}`);
    }
  }

  async begin(change) {
    const taken = new Set();
    this.ports = {};
    for (const service of SERVICES) this.ports[service] = await freePort(taken);
    this.port = await freePort(taken);
    this.url = `http://127.0.0.1:${this.port}`;
    this.original = readFileSync(join(SOURCE, 'configs/demo.yaml'), 'utf8');
    this.pipeline = change ? join(this.folder, 'pipeline.yaml') : 'configs/demo.yaml';
    if (change) this.write(change(this.original));
    this.environment = {
      ...process.env,
      CHAOS_ENABLED: 'false',
      HEALD_LISTEN: `127.0.0.1:${this.port}`,
      HEALD_DEMO_STATE: join(this.folder, 'state'),
      HEALD_DEMO_BIN: BIN,
      ...Object.fromEntries(
        SERVICES.map((name) => [`HEALD_DEMO_${name.toUpperCase()}_PORT`, String(this.ports[name])]),
      ),
    };
    await this.startAgent();
    for (const name of SERVICES) await this.listening(name, this.ports[name]);
    const ports = SERVICES.map((name) => `${name}=${this.ports[name]}`).join(',');
    this.run('heald-demo-chaos', ['steady', '--ports', ports]);
  }

  // An included file is looked for beside the one that includes it.
  write(text) {
    writeFileSync(this.pipeline, text.replace('- demo-upkeep', `- ${SOURCE}/configs/demo-upkeep`));
  }

  run(program, args) {
    const log = openSync(join(this.folder, `${program}.log`), 'a');
    const child = spawn(join(BIN, program), args, {
      env: this.environment,
      stdio: ['ignore', log, log],
      cwd: SOURCE,
    });
    child.ended = new Promise((resolve) => child.once('exit', resolve));
    child.once('error', (error) => (child.failure = error));
    this.children.push(child);
    return child;
  }

  async startAgent() {
    this.agent = this.run('heald', ['run', this.pipeline]);
    await this.listening('heald', this.port);
  }

  async listening(name, port) {
    const up = await until(`answer of ${name}`, async () => {
      const {exitCode, signalCode, failure} = this.agent;
      if ((failure ?? exitCode ?? signalCode ?? null) !== null) return 'gone';
      return (await answers(port)) && 'up';
    });
    if (up === 'gone')
      throw new Error(
        `heald ended: ${this.agent.failure ?? this.agent.exitCode ?? this.agent.signalCode}`,
      );
  }

  async stopAgent() {
    this.agent.kill('SIGTERM');
    await this.agent.ended;
  }

  async ask(path, token = '') {
    const answer = await fetch(
      this.url + path,
      token ? {headers: {Authorization: `Bearer ${token}`}} : {},
    );
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  // Until the detectors know what is normal: ten samples of both metrics of every service.
  learned() {
    return until(
      'end of the learning',
      async () => {
        const status = await this.ask('/api/v1/status');
        const unusual = status.nodes.find((node) => node.name === 'unusual');
        return !status.learning && unusual.records_in >= 2 * 10 * SERVICES.length;
      },
      60_000,
    );
  }

  async fault(service, chaos) {
    const answer = await fetch(`http://127.0.0.1:${this.ports[service]}/chaos`, {
      method: 'PUT',
      headers: {'Content-Type': 'application/json'},
      body: JSON.stringify(chaos),
    });
    if (!answer.ok) throw new Error(`chaos of ${service}: ${answer.status} ${await answer.text()}`);
  }

  log() {
    try {
      return readFileSync(join(this.folder, 'heald.log'), 'utf8').split('\n').slice(-12).join('\n');
    } catch {
      return '';
    }
  }

  async stop() {
    for (const child of this.children)
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    for (const child of this.children) if (!child.failure) await child.ended;
    rmSync(this.folder, {recursive: true, force: true});
  }
}
