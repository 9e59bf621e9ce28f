// Where the nodes of the pipeline stand: a column per kind, rows ordered so that few edges cross.
import type {NodeStatus, PipelineEdge} from '../api/types';

export const NODE = {width: 176, height: 64};
const GAP = {column: 112, row: 24};
const MARGIN = 16;

export interface Placed {
  node: NodeStatus;
  x: number;
  y: number;
}

export interface Wire {
  edge: PipelineEdge;
  path: string;
  labelX: number;
  labelY: number;
}

export interface Layout {
  width: number;
  height: number;
  columns: {title: string; x: number}[];
  nodes: Placed[];
  wires: Wire[];
}

const KINDS = ['source', 'detector', 'policy', 'action', 'notifier'] as const;
const PASSES = 4;

// Moves each node towards the middle of its neighbours, a few times.
function order(columns: NodeStatus[][], edges: PipelineEdge[]): void {
  const neighbours = new Map<string, string[]>();
  const link = (a: string, b: string) => neighbours.set(a, [...(neighbours.get(a) ?? []), b]);
  for (const {from, to} of edges) {
    link(from, to);
    link(to, from);
  }
  for (let pass = 0; pass < PASSES; ++pass) {
    const row = new Map<string, number>();
    for (const column of columns)
      column.forEach((node, i) => row.set(node.name, (i + 0.5) / column.length));
    const middle = (node: NodeStatus) => {
      const rows = (neighbours.get(node.name) ?? []).map((name) => row.get(name) ?? 0.5);
      return rows.length ? rows.reduce((a, b) => a + b, 0) / rows.length : (row.get(node.name) ?? 0.5);
    };
    for (const column of columns) {
      const at = new Map(column.map((node) => [node.name, middle(node)]));
      column.sort((a, b) => at.get(a.name)! - at.get(b.name)!);
    }
  }
}

export function layOut(nodes: NodeStatus[], edges: PipelineEdge[]): Layout {
  const kinds = KINDS.filter((kind) => nodes.some((node) => node.kind === kind));
  const columns = kinds.map((kind) => nodes.filter((node) => node.kind === kind));
  order(columns, edges);
  const tallest = Math.max(1, ...columns.map((column) => column.length));
  const stride = NODE.height + GAP.row;
  const top = MARGIN + 28;
  const height = top + tallest * stride;
  const places = new Map<string, Placed>();
  columns.forEach((column, c) => {
    const free = (tallest - column.length) * stride;
    column.forEach((node, r) =>
      places.set(node.name, {node, x: MARGIN + c * (NODE.width + GAP.column), y: top + free / 2 + r * stride}),
    );
  });
  const wires = edges.flatMap((edge): Wire[] => {
    const from = places.get(edge.from);
    const to = places.get(edge.to);
    if (!from || !to) return [];
    const [x1, y1, x2, y2] = [from.x + NODE.width, from.y + NODE.height / 2, to.x, to.y + NODE.height / 2];
    const bend = Math.max(40, (x2 - x1) / 2);
    return [
      {
        edge,
        path: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`,
        labelX: x1 + GAP.column / 2,
        labelY: y1 + (y2 - y1) * 0.5,
      },
    ];
  });
  return {
    width: MARGIN * 2 + kinds.length * NODE.width + (kinds.length - 1) * GAP.column,
    height,
    columns: kinds.map((kind, c) => ({title: kind === 'policy' ? 'policies' : `${kind}s`, x: MARGIN + c * (NODE.width + GAP.column)})),
    nodes: [...places.values()],
    wires,
  };
}
