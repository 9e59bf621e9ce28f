// Where the nodes of the pipeline stand: a column per kind, rows ordered so that few edges cross.
import type {NodeStatus, PipelineEdge} from '../api/types';

export const NODE = {width: 160, height: 72};
const GAP = {column: 58, row: 16};
const PASS_HEIGHT = 8; // of a line that passes a column
const MARGIN = 16;
const TOP = 60;

export interface Placed {
  node: NodeStatus;
  x: number;
  y: number;
}

// A line between two neighbouring columns. An edge that skips a column is several of them, and
// edges to the same node share what they have in common, so that no line runs through a node.
export interface Wire {
  path: string;
  ends: {from: string; to: string}[]; // the edges that run here
}

export interface Layout {
  width: number;
  height: number;
  columns: {title: string; x: number}[];
  gaps: {title: string; x: number}[]; // which records cross
  nodes: Placed[];
  wires: Wire[];
}

const KINDS = ['source', 'detector', 'policy', 'action', 'notifier'] as const;
const PASSES = 4;

const kindTitle = (kind: string): string => (kind === 'policy' ? 'policies' : `${kind}s`);

// A node, or the place where a line passes through a column.
interface Stop {
  name: string;
  column: number;
  height: number;
  node: NodeStatus | null;
}
interface Hop {
  from: string;
  to: string;
  edge: PipelineEdge;
}

// Moves each stop towards the middle of its neighbours, a few times.
function order(columns: Stop[][], hops: Hop[]): void {
  const neighbours = new Map<string, string[]>();
  const link = (a: string, b: string) => neighbours.set(a, [...(neighbours.get(a) ?? []), b]);
  for (const {from, to} of hops) {
    link(from, to);
    link(to, from);
  }
  for (let pass = 0; pass < PASSES; ++pass) {
    const row = new Map<string, number>();
    for (const column of columns)
      column.forEach((stop, i) => row.set(stop.name, (i + 0.5) / column.length));
    const middle = (stop: Stop) => {
      const rows = (neighbours.get(stop.name) ?? []).map((name) => row.get(name) ?? 0.5);
      return rows.length
        ? rows.reduce((a, b) => a + b, 0) / rows.length
        : (row.get(stop.name) ?? 0.5);
    };
    for (const column of columns) {
      const at = new Map(column.map((stop) => [stop.name, middle(stop)]));
      column.sort((a, b) => at.get(a.name)! - at.get(b.name)!);
    }
  }
}

// Cuts every edge into hops from column to column.
function hopsOf(columns: Stop[][], edges: PipelineEdge[]): Hop[] {
  const at = new Map(columns.flat().map((stop) => [stop.name, stop.column]));
  return edges.flatMap((edge): Hop[] => {
    const first = at.get(edge.from);
    const last = at.get(edge.to);
    if (first === undefined || last === undefined || last <= first) return [];
    const hops: Hop[] = [];
    let from = edge.from;
    for (let c = first + 1; c < last; ++c) {
      const name = `${edge.to}@${c}`;
      if (!at.has(name)) {
        at.set(name, c);
        columns[c]!.push({name, column: c, height: PASS_HEIGHT, node: null});
      }
      hops.push({from, to: name, edge});
      from = name;
    }
    return [...hops, {from, to: edge.to, edge}];
  });
}

const left = (column: number): number => MARGIN + column * (NODE.width + GAP.column);

export function layOut(nodes: NodeStatus[], edges: PipelineEdge[]): Layout {
  const kinds = KINDS.filter((kind) => nodes.some((node) => node.kind === kind));
  const columns = kinds.map((kind, column) =>
    nodes
      .filter((node) => node.kind === kind)
      .map((node): Stop => ({name: node.name, column, height: NODE.height, node})),
  );
  const hops = hopsOf(columns, edges);
  order(columns, hops);

  const extent = (column: Stop[]) => column.reduce((sum, stop) => sum + stop.height + GAP.row, 0);
  const tallest = Math.max(NODE.height, ...columns.map(extent));
  const middle = new Map<string, {y: number; column: number; node: NodeStatus | null}>();
  for (const column of columns) {
    let y = TOP + (tallest - extent(column)) / 2;
    for (const stop of column) {
      middle.set(stop.name, {y: y + stop.height / 2, column: stop.column, node: stop.node});
      y += stop.height + GAP.row;
    }
  }

  const wires = new Map<string, Wire>();
  const crossing = new Map<number, Set<string>>();
  for (const {from, to, edge} of hops) {
    const a = middle.get(from)!;
    const b = middle.get(to)!;
    const ends = {from: edge.from, to: edge.to};
    crossing.set(a.column, (crossing.get(a.column) ?? new Set()).add(edge.records));
    const known = wires.get(`${from}>${to}`);
    if (known) {
      known.ends.push(ends);
      continue;
    }
    const [x1, x2] = [left(a.column) + NODE.width, left(b.column)];
    const bend = (x2 - x1) / 2;
    const curve = `M${x1} ${a.y}C${x1 + bend} ${a.y} ${x2 - bend} ${b.y} ${x2} ${b.y}`;
    wires.set(`${from}>${to}`, {path: b.node ? curve : `${curve}h${NODE.width}`, ends: [ends]});
  }

  return {
    width: left(kinds.length) - GAP.column + MARGIN,
    height: TOP + tallest,
    columns: kinds.map((kind, c) => ({title: kindTitle(kind), x: left(c)})),
    gaps: [...crossing].map(([c, records]) => ({
      title: [...records].join(', '),
      x: left(c) + NODE.width + GAP.column / 2,
    })),
    nodes: columns
      .flat()
      .flatMap(({name, column, node}) =>
        node ? [{node, x: left(column), y: middle.get(name)!.y - NODE.height / 2}] : [],
      ),
    wires: [...wires.values()],
  };
}
