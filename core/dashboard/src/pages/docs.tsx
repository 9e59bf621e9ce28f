// The API's contract, drawn from /api/v1/openapi.json: nothing is fetched from elsewhere.
import type {Schema} from '../api/types';
import {useResource} from '../state/resource';
import {PageHead, Pending, Section, Table} from '../ui/bits';
import {Inline, Prose} from '../ui/prose';
import {boundsOf, typeName} from '../ui/schema';

interface Media {
  schema?: Schema;
  example?: unknown;
  examples?: Record<string, {$ref?: string; value?: unknown; summary?: string}>;
}
interface Answer {
  $ref?: string;
  description?: string;
  content?: Record<string, Media>;
  // What a stream carries, by event type.
  'x-heald-events'?: Record<string, {description: string; schema: Schema}>;
}
interface Parameter {
  $ref?: string;
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema?: Schema;
}
interface Operation {
  summary?: string;
  description?: string;
  tags?: string[];
  operationId?: string;
  parameters?: Parameter[];
  requestBody?: Answer;
  responses?: Record<string, Answer>;
  [extension: `x-${string}`]: unknown;
}
type PathItem = {parameters?: Parameter[]} & Record<string, Operation>;
interface Contract {
  info: {title: string; version: string; description?: string};
  tags?: {name: string; description?: string}[];
  paths: Record<string, PathItem>;
  components?: Record<string, Record<string, unknown>>;
}
interface Entry {
  method: string;
  path: string;
  operation: Operation;
  parameters: Parameter[];
}

const METHODS = ['get', 'put', 'post', 'patch', 'delete'];
const DEEPEST = 6;

// "#/components/schemas/Incident" in this contract.
function resolve<T extends {$ref?: string}>(contract: Contract, value: T): T {
  if (!value.$ref) return value;
  const found = value.$ref
    .replace(/^#\//, '')
    .split('/')
    .reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], contract);
  return (found ?? {}) as T;
}

const refName = (schema: Schema): string => schema.$ref?.split('/').pop() ?? '';

function nameOf(contract: Contract, schema: Schema): string {
  if (schema.$ref) return refName(schema);
  if (schema.type === 'array' && schema.items) return `list of ${nameOf(contract, schema.items)}`;
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return choices.map((choice) => nameOf(contract, choice)).join(' or ');
  return typeName(schema) + (schema.format ? ` (${schema.format})` : '');
}

function Members({contract, schema, depth}: {contract: Contract; schema: Schema; depth: number}) {
  const body = resolve(contract, schema);
  if (body.type === 'array' && body.items)
    return <Members contract={contract} schema={body.items} depth={depth} />;
  const members = [body, ...(body.allOf ?? []).map((part) => resolve(contract, part))].flatMap(
    (part) =>
      Object.entries(part.properties ?? {}).map(([name, member]) => ({
        name,
        member,
        required: part.required?.includes(name),
      })),
  );
  if (members.length === 0 || depth > DEEPEST) return null;
  return (
    <ul class="schema">
      {members.map(({name, member, required}) => {
        const inside = resolve(contract, member.items ?? member);
        return (
          <li key={name}>
            <code>{name}</code>{' '}
            <span class="soft small">
              {nameOf(contract, member)}
              {required && ', required'}
              {boundsOf(member) && `, ${boundsOf(member)}`}
            </span>{' '}
            <Inline text={member.description ?? resolve(contract, member).description ?? ''} />
            {(inside.properties ?? inside.allOf) && (
              <details>
                <summary>members</summary>
                <Members contract={contract} schema={inside} depth={depth + 1} />
              </details>
            )}
          </li>
        );
      })}
    </ul>
  );
}

function examplesOf(contract: Contract, media: Media): [string, unknown][] {
  if (media.example !== undefined) return [['Example', media.example]];
  return Object.entries(media.examples ?? {}).map(([name, given]) => {
    const {summary, value} = resolve(contract, given);
    return [summary ?? name, value];
  });
}

function Content({
  contract,
  content,
}: {
  contract: Contract;
  content: Record<string, Media> | undefined;
}) {
  return (
    <>
      {Object.entries(content ?? {}).map(([type, media]) => (
        <div key={type}>
          <p class="soft small">
            {type}
            {media.schema && `: ${nameOf(contract, media.schema)}`}
          </p>
          {media.schema && <Members contract={contract} schema={media.schema} depth={0} />}
          {examplesOf(contract, media).map(([name, value]) => (
            <details key={name}>
              <summary>{name}</summary>
              <pre class="example" tabIndex={0}>
                {typeof value === 'string' ? value : JSON.stringify(value, null, 2)}
              </pre>
            </details>
          ))}
        </div>
      ))}
    </>
  );
}

const idOf = ({method, path}: Entry): string => `${method}-${path.replace(/[^a-z0-9]+/gi, '-')}`;

function OperationCard({contract, entry}: {contract: Contract; entry: Entry}) {
  const {operation, method, path, parameters} = entry;
  const body = operation.requestBody && resolve(contract, operation.requestBody);
  const role = operation['x-heald-role'];
  return (
    <article class="card operation" id={idOf(entry)} aria-label={`${method} ${path}`}>
      <h3>
        <span class={`method ${method}`}>{method.toUpperCase()}</span> <code>{path}</code>
      </h3>
      <p>
        {operation.summary}
        {typeof role === 'string' && (
          <span class="soft small">
            {' '}
            {role === 'none' ? 'Needs no token.' : `Needs the role ${role}.`}
          </span>
        )}
      </p>
      {operation.description && <Prose text={operation.description} />}
      {parameters.length > 0 && (
        <Table
          label={`Parameters of ${method} ${path}`}
          heads={['Parameter', 'In', 'Type', 'Meaning']}
        >
          {parameters.map((parameter) => (
            <tr key={parameter.name}>
              <th scope="row">
                <code>{parameter.name}</code>
              </th>
              <td>
                {parameter.in}
                {parameter.required && ', required'}
              </td>
              <td>{parameter.schema && nameOf(contract, parameter.schema)}</td>
              <td>
                <Inline text={parameter.description ?? ''} />
              </td>
            </tr>
          ))}
        </Table>
      )}
      {body && (
        <details>
          <summary>Request</summary>
          <Content contract={contract} content={body.content} />
        </details>
      )}
      {Object.entries(operation.responses ?? {}).map(([status, given]) => {
        const answer = resolve(contract, given);
        return (
          <details key={status}>
            <summary>
              <strong>{status}</strong> {answer.description}
            </summary>
            <Content contract={contract} content={answer.content} />
            {Object.entries(answer['x-heald-events'] ?? {}).map(
              ([event, {description, schema}]) => (
                <details key={event}>
                  <summary>
                    Event <code>{event}</code>: {description}
                  </summary>
                  <Members contract={contract} schema={schema} depth={0} />
                </details>
              ),
            )}
          </details>
        );
      })}
    </article>
  );
}

function entriesOf(contract: Contract): Entry[] {
  return Object.entries(contract.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => {
      const operation = item[method]!;
      const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map((p) =>
        resolve(contract, p),
      );
      return {method, path, operation, parameters};
    }),
  );
}

export function Docs() {
  const {data, error} = useResource<Contract>('/api/v1/openapi.json');
  if (!data)
    return (
      <>
        <PageHead title="API" />
        <Pending error={error} />
      </>
    );
  const groups = new Map<string, Entry[]>();
  for (const entry of entriesOf(data)) {
    const tag = entry.operation.tags?.[0] ?? 'API';
    groups.set(tag, [...(groups.get(tag) ?? []), entry]);
  }
  return (
    <>
      <PageHead
        title={data.info.title}
        lead={
          <>
            Version {data.info.version}. As a file: <a href="/api/v1/openapi.yaml">openapi.yaml</a>,{' '}
            <a href="/api/v1/openapi.json">openapi.json</a>.
          </>
        }
      />
      {data.info.description && <Prose text={data.info.description} />}
      {[...groups].map(([tag, entries]) => (
        <Section key={tag} title={tag}>
          <div class="stack">
            <p class="soft">{data.tags?.find(({name}) => name === tag)?.description}</p>
            {entries.map((entry) => (
              <OperationCard key={idOf(entry)} contract={data} entry={entry} />
            ))}
          </div>
        </Section>
      ))}
    </>
  );
}
