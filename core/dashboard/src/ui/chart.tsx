// One finding's recent values against the expected band. uPlot draws it; loaded when first shown.
import {useEffect, useRef} from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type {Finding} from '../api/types';
import {useCell} from '../state/cell';
import {clockTime, expectation, formatValue} from '../state/format';
import {theme} from '../state/theme';

const HEIGHT_PX = 180;
// Of bytes, so that the axis has round MiB.
const POWERS_OF_TWO = Array.from({length: 60}, (_, power) => 2 ** power);

// What a prediction says will be reached, where its detector tells.
function limitOf(f: Finding): number | null {
  const limit = Number(f.annotations.limit || NaN);
  return Number.isFinite(limit) ? limit : null;
}

// A colour of the style sheet as the canvas wants it.
function colour(name: string): string {
  const probe = document.createElement('span');
  probe.className = `probe-${name}`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

// What the chart must show, with some air; nothing below zero where nothing is negative.
function rangeOf(f: Finding): [number, number] {
  const all = [...f.recent, f.expected_low, f.expected_high, limitOf(f)].filter(
    (value): value is number => value !== null,
  );
  const low = Math.min(...all);
  const high = Math.max(...all);
  const air = (high - low || Math.abs(high) || 1) * 0.1;
  return [low >= 0 ? Math.max(0, low - air) : low - air, high + air];
}

// Against the time where the detector says how far apart the values are, else counted back from the
// latest. A side without a bound reaches to the edge.
function dataOf(f: Finding): uPlot.AlignedData {
  const step = f.recent_step_seconds || 1;
  const end = f.recent_step_seconds ? Date.parse(f.time ?? '') / 1000 : 0;
  const times = f.recent.map((_, i) => end - (f.recent.length - 1 - i) * step);
  const [bottom, top] = rangeOf(f);
  const level = (value: number) => times.map(() => value);
  const limit = limitOf(f);
  return [
    times,
    level(f.expected_low ?? bottom),
    level(f.expected_high ?? top),
    f.recent,
    limit === null ? times.map(() => null) : level(limit),
  ];
}

function optionsFor(f: Finding, width: number, range: () => [number, number]): uPlot.Options {
  const timed = f.recent_step_seconds > 0;
  const soft = colour('soft');
  const line = colour('line');
  const edge = (bound: number | null) => ({
    stroke: bound === null ? 'transparent' : soft,
    width: 1,
    dash: [4, 4],
    points: {show: false},
  });
  const axis = {
    stroke: soft,
    grid: {stroke: line, width: 1},
    ticks: {show: false},
    font: '11px system-ui, sans-serif',
  };
  return {
    width,
    height: HEIGHT_PX,
    legend: {show: false},
    cursor: {y: false, drag: {x: false, y: false}},
    scales: {x: {time: timed}, y: {range}},
    series: [
      {},
      edge(f.expected_low),
      edge(f.expected_high),
      {
        stroke: colour('accent'),
        width: 2,
        points: {show: f.recent.length < 40, size: 5, fill: colour('accent')},
      },
      {stroke: colour('bad'), width: 2, dash: [6, 4], points: {show: false}},
    ],
    bands:
      f.expected_low === null && f.expected_high === null
        ? []
        : [{series: [2, 1], fill: colour('band')}],
    axes: [
      {
        ...axis,
        size: 28,
        values: (_, ticks) =>
          ticks.map((at) =>
            timed
              ? clockTime(new Date(at * 1000).toISOString())
              : at === 0
                ? 'latest'
                : Number.isInteger(at)
                  ? `−${-at}`
                  : '',
          ),
      },
      {
        ...axis,
        size: 64,
        ...(f.unit === 'By' && {incrs: POWERS_OF_TWO}),
        values: (_, ticks) => ticks.map((at) => formatValue(at, f.unit)),
      },
    ],
  };
}

export function Chart({finding}: {finding: Finding}) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const look = useCell(theme);
  const latest = useRef(finding);
  latest.current = finding;

  useEffect(() => {
    const frame = place.current;
    if (!frame) return;
    const drawn = (plot.current = new uPlot(
      optionsFor(finding, frame.clientWidth || 600, () => rangeOf(latest.current)),
      dataOf(finding),
      frame,
    ));
    const watch = new ResizeObserver(() =>
      drawn.setSize({width: frame.clientWidth, height: HEIGHT_PX}),
    );
    watch.observe(frame);
    return () => {
      watch.disconnect();
      drawn.destroy();
    };
  }, [look, finding.id]);

  useEffect(() => plot.current?.setData(dataOf(finding)), [finding]);

  const limit = limitOf(finding);
  const said = `${finding.metric} ${formatValue(finding.value, finding.unit)}, ${expectation(finding)}`;
  return (
    <figure class="chart">
      <div
        ref={place}
        role="img"
        aria-label={`Chart of the latest ${finding.recent.length} values: ${said}`}
      />
      <figcaption class="small soft">
        <span class="key key-line" /> {finding.metric}
        {expectation(finding) && (
          <>
            <span class="key key-band" /> {expectation(finding)}
          </>
        )}
        {limit !== null && (
          <>
            <span class="key key-limit" /> limit {formatValue(limit, finding.unit)}
          </>
        )}
      </figcaption>
    </figure>
  );
}
