// Numbers, units and times as the rest of heald writes them (core/model: FormatValue, GuessUnit).
import type {Finding, Labels} from '../api/types';

const UNIT_WORDS: Record<string, string> = {
  seconds: 's',
  milliseconds: 'ms',
  latency: 's',
  duration: 's',
  bytes: 'By',
  ratio: '1',
  percent: '%',
  celsius: 'Cel',
  volts: 'V',
  joules: 'J',
  meters: 'm',
  amperes: 'A',
};

export function guessUnit(metric: string): string {
  const [name = '', rate] = metric.split('_per_second', 2);
  let unit = '';
  for (const word of name.split(/[_:.]/)) unit = UNIT_WORDS[word] ?? unit;
  return rate === undefined ? unit : `${unit || '1'}/s`;
}

// %.3g without exponents for everyday sizes.
export function digits(value: number): string {
  const size = Math.abs(value);
  if (size >= 1000 && size < 1e9) return value.toFixed(0);
  if (size !== 0 && (size < 1e-4 || size >= 1e9))
    return value.toExponential(2).replace(/\.?0+e/, 'e');
  return String(Number(value.toPrecision(3)));
}

export function formatValue(value: number | null | undefined, unit = ''): string {
  if (value === null || value === undefined) return 'unknown';
  if (unit === 'By') {
    const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
    let step = 0;
    for (; Math.abs(value) >= 1024 && step < 4; ++step) value /= 1024;
    return `${digits(value)} ${names[step]}`;
  }
  if (unit === '1' && Math.abs(value) <= 1.5) return `${digits(value * 100)} %`;
  if (!unit || unit === '1') return digits(value);
  return `${digits(value)} ${unit === '1/s' ? '/s' : unit}`;
}

export function expectation(f: Finding): string {
  const low = f.expected_low === null ? '' : formatValue(f.expected_low, f.unit);
  const high = f.expected_high === null ? '' : formatValue(f.expected_high, f.unit);
  if (low && high) return `expected ${low} to ${high}`;
  return high ? `expected at most ${high}` : low ? `expected at least ${low}` : '';
}

// How far a value is outside of what was expected; 0 within.
const outside = (f: Finding, value: number): number =>
  Math.max(
    0,
    f.expected_high === null ? 0 : value - f.expected_high,
    f.expected_low === null ? 0 : f.expected_low - value,
  );

// What was seen; of what has cleared also how bad it was, as far as its latest values tell.
export function seen(f: Finding): string {
  if (f.value === null) return f.metric;
  const now = formatValue(f.value, f.unit);
  const values = f.recent.filter((value): value is number => value !== null);
  const worst = values.reduce(
    (most, value) => (outside(f, value) > outside(f, most) ? value : most),
    f.value,
  );
  if (f.state !== 'clear' || outside(f, worst) === 0) return `${f.metric} ${now}`;
  const whole = outside(f, values[0]!) === 0; // its beginning is among them
  const how = !whole ? 'was at' : worst > f.value ? 'peaked at' : 'fell to';
  return `${f.metric} ${how} ${formatValue(worst, f.unit)}, now ${now}`;
}

// What is not certain isn't shown as if it were.
export const percent = (share: number | null): string =>
  share === null
    ? 'unknown'
    : share > 0.99 && share < 1
      ? 'above 99 %'
      : `${digits(share * 100)} %`;

// "12 s", "4 min", "3 h", "2 days"
export function span(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129_600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

export function ago(time: string, now: number): string {
  const age = now - Date.parse(time);
  return age < -1500 ? `in ${span(-age)}` : age < 1500 ? 'just now' : `${span(age)} ago`;
}

// "for 4 h"
export const lasting = (time: string, now: number): string =>
  `for ${span(Math.max(0, now - Date.parse(time)))}`;

// A duration in a configuration: "30 s", "2 min", "1 h"
export function duration(seconds: number): string {
  if (seconds === 0) return '0 s';
  if (seconds % 3600 === 0) return `${seconds / 3600} h`;
  if (seconds % 60 === 0) return `${seconds / 60} min`;
  return seconds < 1 ? `${digits(seconds * 1000)} ms` : `${digits(seconds)} s`;
}

export const exact = (time: string): string =>
  new Date(time).toLocaleString(undefined, {dateStyle: 'medium', timeStyle: 'medium'});

export const clockTime = (time: string): string =>
  new Date(time).toLocaleTimeString(undefined, {hour12: false});

// "+2.00 s" from one time to another.
export function offset(time: string, from: string): string {
  const seconds = (Date.parse(time) - Date.parse(from)) / 1000;
  return Math.abs(seconds) < 600
    ? `${seconds < 0 ? '−' : '+'}${Math.abs(seconds).toFixed(2)} s`
    : `+${span(seconds * 1000)}`;
}

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;

export const words = (name: string): string => name.replaceAll('_', ' ');

// Two blanks part the agent's texts, which a page would show as one.
export const parted = (text: string): string => text.replace(/ {2}\(/g, ' (').replaceAll('  ', ' · ');

// An incident's summary without the name that stands before it already.
export function about(incident: {summary: string; target_name: string}): string {
  const {summary, target_name} = incident;
  return parted(
    summary.startsWith(`${target_name} `) ? summary.slice(target_name.length).trim() : summary,
  );
}

export const labelText = (labels: Labels): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${value}"`)
    .join(', ');
