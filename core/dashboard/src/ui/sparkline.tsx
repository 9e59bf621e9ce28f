// A word-sized line: the latest values, with the expected band behind them.

const WIDTH = 96;
const HEIGHT = 24;
const CALM_SHARE = 0.4;

interface Props {
  values: (number | null)[];
  low?: number | null;
  high?: number | null;
  label: string;
}

export function Sparkline({values, low = null, high = null, label}: Props) {
  const known = values.filter((value): value is number => value !== null);
  if (known.length < 2) return <span class="spark-none" />;
  const bounds = [low, high].filter((value): value is number => value !== null);
  const lowest = Math.min(...known, ...bounds);
  const highest = Math.max(...known, ...bounds);
  // What hardly moves is drawn as a line that hardly moves.
  const reach =
    Math.max(highest - lowest, CALM_SHARE * Math.max(Math.abs(highest), Math.abs(lowest))) || 1;
  const bottom = (highest + lowest - reach) / 2;
  const y = (value: number) => 2 + (HEIGHT - 4) * (1 - (value - bottom) / reach);
  const x = (i: number) => 1 + ((WIDTH - 4) * i) / (values.length - 1);
  const points: string[] = [];
  let pen = 'M';
  values.forEach((value, i) => {
    if (value === null) return void (pen = 'M');
    points.push(`${pen}${x(i).toFixed(1)} ${y(value).toFixed(1)}`);
    pen = 'L';
  });
  const last = known[known.length - 1]!;
  const outside = (high !== null && last > high) || (low !== null && last < low);
  const bandTop = high === null ? 0 : y(high);
  const bandBottom = low === null ? HEIGHT : y(low);
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      {bounds.length > 0 && (
        <rect
          class="spark-band"
          x="0"
          y={bandTop}
          width={WIDTH}
          height={Math.max(1, bandBottom - bandTop)}
        />
      )}
      <path class="spark-line" d={points.join('')} />
      <circle
        class={outside ? 'spark-dot bad' : 'spark-dot'}
        cx={x(values.length - 1)}
        cy={y(last)}
        r="2"
      />
    </svg>
  );
}
