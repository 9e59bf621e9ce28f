// README's pictures, taken from the running demo while it heals, and from a Prometheus beside it:
// pictures.mjs FOLDER.
import {spawn} from 'node:child_process';
import {statSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {Demo, SERVICES, freePort, until} from './demo.mjs';
import {launch, openPage} from './browser.mjs';

const LIMIT_BYTES = 200_000;
// Pages of `demo/stack up --full`.
const STACK = {
  grafana: `http://127.0.0.1:${process.env.GRAFANA_PORT ?? 18030}/`,
  jaeger: `http://127.0.0.1:${process.env.JAEGER_PORT ?? 18086}/search?service=heald`,
};
const SEEN_S = 24; // of calm before the fault, so that the lines have a past

const folder = process.argv[2] ?? '.';
const demo = await Demo.start();
const browser = await launch();

// Debian's, which asks the demo's services and heald itself.
async function startPrometheus() {
  const port = await freePort(new Set());
  const job = (name, at) =>
    `  - {job_name: ${name}, static_configs: [{targets: ["127.0.0.1:${at}"]}]}\n`;
  const file = join(demo.folder, 'prometheus.yml');
  writeFileSync(
    file,
    'global: {scrape_interval: 1s}\nscrape_configs:\n' +
      job('heald', demo.port) +
      SERVICES.map((name) => job(name, demo.ports[name])).join(''),
  );
  const child = spawn(
    'prometheus',
    [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(demo.folder, 'tsdb')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    {stdio: 'ignore'},
  );
  child.ended = new Promise((resolve) => child.once('exit', resolve));
  child.once('error', (error) => (child.failure = error));
  const url = `http://127.0.0.1:${port}`;
  await until('answer of Prometheus', async () => {
    if (child.failure) throw child.failure;
    return (await fetch(`${url}/-/ready`)).ok;
  });
  return {url, stop: () => child.kill() && child.ended};
}

async function takePage(name, url, height, ready) {
  const page = await browser.newPage({
    colorScheme: 'light',
    reducedMotion: 'reduce',
    viewport: {width: 1280, height},
  });
  await page.goto(url);
  await ready(page);
  await take(page, name, height);
  await page.close();
}

async function take(page, name, height) {
  await page.setViewportSize({width: 1280, height});
  await page.evaluate(() => document.activeElement?.blur());
  const file = join(folder, `${name}.png`);
  await page.screenshot({path: file, animations: 'disabled'});
  const {size} = statSync(file);
  console.log(`${file}  ${Math.round(size / 1000)} KB`);
  if (size > LIMIT_BYTES) throw new Error(`${file} is above ${LIMIT_BYTES / 1000} KB`);
}

let prometheus;
try {
  prometheus = await startPrometheus();
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
  await page.goto(`${demo.url}/#/pipeline`);
  await page.getByRole('link', {name: /^source services, running, [0-9.]+\/s$/}).waitFor();
  await take(page, 'pipeline', 1070);

  await takePage('agent-api', `${demo.url}/docs`, 800, async (page) => {
    const list = page.getByRole('article', {name: 'get /api/v1/services'});
    await list.locator('summary').first().click();
    await page
      .getByRole('heading', {name: 'Watched'})
      .evaluate((heading) => scrollTo(0, heading.getBoundingClientRect().top + scrollY - 70));
  });
  await takePage('service-api', `http://127.0.0.1:${demo.ports.payments}/docs`, 800, (page) =>
    page.getByRole('heading', {level: 1}).waitFor(),
  );
  await takePage('prometheus-targets', `${prometheus.url}/classic/targets`, 880, (page) =>
    page.getByText('users (1/1 up)').waitFor(),
  );
  const expression = encodeURIComponent(
    'histogram_quantile(0.99, sum by (le, job) (rate(http_request_duration_seconds_bucket[5s])))',
  );
  await takePage(
    'prometheus-graph',
    `${prometheus.url}/classic/graph?g0.expr=${expression}&g0.tab=0&g0.range_input=1m`,
    880,
    (page) => page.locator('.rickshaw_graph svg path').first().waitFor(),
  );
  // Of the stack, where it runs.
  for (const [name, url] of Object.entries(STACK))
    if (await fetch(url).then(({ok}) => ok, () => false))
      await takePage(name, url, 900, (page) => page.waitForLoadState('networkidle'));
} finally {
  await prometheus?.stop();
  await browser.close();
  await demo.stop();
}
