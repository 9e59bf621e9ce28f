// The pipeline as a graph, with what flows through it right now.
import type {ComponentChildren} from 'preact';
import {useEffect, useRef} from 'preact/hooks';
import type {NodeStatus, Pipeline} from '../api/types';
import {digits, plural} from '../state/format';
import {useResource} from '../state/resource';
import {at, go, type Route} from '../state/router';
import {
  Ago,
  Badge,
  FileName,
  Facts,
  Joined,
  NodeLink,
  PageHead,
  Pending,
  PluginLink,
  PolicyLink,
  Section,
  toneOf,
} from '../ui/bits';
import {CheckNow} from '../ui/check';
import {layOut, NODE, type Placed, type Wire} from './graph';

const perSecond = (rate: number | null): string => (rate ? `${digits(rate)}/s` : '');

const NAME_CHARS = 18;

// The sign of a state, drawn in the graph: its shape says as much as its colour.
const SIGNS: Record<string, string> = {
  good: 'M-4 0l2.5 2.5L4-3.5',
  bad: 'M-3.5-3.5l7 7M3.5-3.5l-7 7',
  warn: 'M0-4v5M0 3.4v.4',
  info: 'M0-4v5M0 3.4v.4',
  soft: 'M-4 0h8',
};

function GraphNode({placed: {node, x, y}, chosen}: {placed: Placed; chosen: boolean}) {
  const tone = toneOf(node.state);
  const rate =
    node.kind === 'source' ? perSecond(node.out_per_second) : perSecond(node.in_per_second);
  return (
    <a
      href={at('pipeline', node.name)}
      class={`node ${tone} ${chosen ? 'chosen' : ''}`}
      aria-label={`${node.kind} ${node.name}, ${node.state}${rate && `, ${rate}`}`}
      aria-current={chosen ? 'true' : undefined}
    >
      <g transform={`translate(${x} ${y})`}>
        <rect width={NODE.width} height={NODE.height} rx="8" />
        <text class="node-name" x="12" y="22">
          {node.name.length > NAME_CHARS ? `${node.name.slice(0, NAME_CHARS - 1)}…` : node.name}
        </text>
        <text class="node-more" x="12" y="41">
          {node.plugin || node.kind}
        </text>
        <path class="node-sign" transform="translate(16 56)" d={SIGNS[tone]} />
        <text class="node-state" x="26" y="60">
          {node.state}
        </text>
        <text class="node-rate" x={NODE.width - 12} y="60" text-anchor="end">
          {rate}
        </text>
      </g>
    </a>
  );
}

function GraphWire({wire, chosen, flowing}: {wire: Wire; chosen: string; flowing: Set<string>}) {
  const near = wire.ends.some(({from, to}) => from === chosen || to === chosen);
  const busy = wire.ends.some(({from}) => flowing.has(from));
  return <path class={`wire ${near ? 'near' : ''} ${busy ? 'busy' : ''}`} d={wire.path} />;
}

function Graph({pipeline, chosen}: {pipeline: Pipeline; chosen: string}) {
  const layout = layOut(pipeline.nodes, pipeline.edges);
  const flowing = new Set(
    pipeline.nodes.filter((node) => (node.out_per_second ?? 0) > 0).map((node) => node.name),
  );
  return (
    <div class="graph-frame" tabIndex={0} role="region" aria-label="Graph of the pipeline">
      <svg
        class="graph"
        width={layout.width}
        height={layout.height}
        viewBox={`0 0 ${layout.width} ${layout.height}`}
        role="group"
        aria-label="Nodes, from sources to notifiers"
      >
        {layout.columns.map((column) => (
          <text key={column.title} class="column-title" x={column.x} y="24">
            {column.title}
          </text>
        ))}
        {layout.gaps.map((gap) => (
          <text key={gap.x} class="gap-title" x={gap.x} y="44" text-anchor="middle">
            {gap.title} →
          </text>
        ))}
        {layout.wires.map((wire) => (
          <GraphWire key={wire.path} wire={wire} chosen={chosen} flowing={flowing} />
        ))}
        {layout.nodes.map((placed) => (
          <GraphNode key={placed.node.name} placed={placed} chosen={placed.node.name === chosen} />
        ))}
      </svg>
    </div>
  );
}

function Detail({node, pipeline}: {node: NodeStatus; pipeline: Pipeline}) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => place.current?.scrollIntoView({block: 'nearest'}), [node.name]);
  const before = pipeline.edges.filter((edge) => edge.to === node.name);
  const after = pipeline.edges.filter((edge) => edge.from === node.name);
  const names = (list: string[]) =>
    list.length ? (
      <Joined
        items={[...new Set(list)].map((name) => (
          <NodeLink name={name} />
        ))}
      />
    ) : (
      'nothing'
    );
  return (
    <Section
      title={node.name}
      tools={
        <button type="button" class="button" onClick={() => go('pipeline')}>
          Close
        </button>
      }
    >
      <div class="node-detail" ref={place}>
        <p>
          <Badge state={node.enabled ? node.state : 'disabled'} /> {node.detail}
        </p>
        <Facts
          items={[
            ['Kind', node.kind],
            [
              'Plugin',
              node.plugin && node.kind !== 'policy' ? (
                <PluginLink kind={node.kind} name={node.plugin} />
              ) : (
                <PolicyLink name={node.name} />
              ),
            ],
            ['From', names(before.map((edge) => edge.from))],
            [
              'Outputs in use',
              [...new Set(after.flatMap((edge) => edge.outputs))].join(', ') || 'all',
            ],
            ['To', names(after.map((edge) => edge.to))],
            [
              'Records in',
              `${node.records_in}${node.in_per_second ? `, ${perSecond(node.in_per_second)}` : ''}`,
            ],
            [
              'Records out',
              `${node.records_out}${node.out_per_second ? `, ${perSecond(node.out_per_second)}` : ''}`,
            ],
            ['Waiting', String(node.queued)],
            ['Errors', String(node.errors)],
            ['Dropped', String(node.dropped)],
            ...(node.kind === 'source'
              ? [['Series', String(node.series)] as [string, string]]
              : []),
            ...(node.last_received
              ? [['Last push', <Ago time={node.last_received} />] as [string, ComponentChildren]]
              : []),
          ]}
        />
      </div>
    </Section>
  );
}

export function PipelinePage({route}: {route: Route}) {
  const {data, error} = useResource<Pipeline>('/api/v1/pipeline', ['reload', 'policy']);
  const chosen = route.rest[0] ?? '';
  const node = data?.nodes.find((candidate) => candidate.name === chosen);
  return (
    <>
      <PageHead
        title="Pipeline"
        lead={
          data && (
            <>
              <FileName path={data.file} />: {plural(data.nodes.length, 'node')}.
            </>
          )
        }
      >
        <CheckNow />
      </PageHead>
      {!data ? <Pending error={error} /> : <Graph pipeline={data} chosen={chosen} />}
      {data && node && <Detail node={node} pipeline={data} />}
      {data && chosen && !node && <p class="empty">The pipeline has no node {chosen}.</p>}
    </>
  );
}
