// The plugins there are, and what can be set in each.
import type {Plugin, Schema} from '../api/types';
import {plural} from '../state/format';
import {useResource} from '../state/resource';
import {at, type Route} from '../state/router';
import {Empty, Facts, Joined, NodeLink, PageHead, Pending, Section, Table} from '../ui/bits';
import {Inline, Prose} from '../ui/prose';
import {keysOf} from '../ui/schema';

const KINDS = {
  source: 'Sources',
  detector: 'Detectors',
  action: 'Actions',
  notifier: 'Notifiers',
} as const;

function Keys({schema}: {schema: Schema}) {
  const keys = keysOf(schema);
  if (keys.length === 0) return <Empty>It has nothing to set.</Empty>;
  return (
    <Table label="Configuration keys" heads={['Key', 'Type', 'Default', 'Meaning']}>
      {keys.map((key) => (
        <tr key={key.path}>
          <th scope="row">
            <code>{key.path}</code>
          </th>
          <td>
            {key.type}
            {key.bounds && <div class="soft small">{key.bounds}</div>}
          </td>
          <td>{key.required ? <em>required</em> : key.fallback && <code>{key.fallback}</code>}</td>
          <td>
            <Inline text={key.doc} />
            {key.notes.length > 0 && <div class="soft small">{key.notes.join('; ')}</div>}
          </td>
        </tr>
      ))}
    </Table>
  );
}

function PluginPage({kind, name}: {kind: string; name: string}) {
  const {data, error} = useResource<Plugin>(
    `/api/v1/plugins/${encodeURIComponent(kind)}/${encodeURIComponent(name)}`,
    ['reload'],
  );
  return (
    <>
      <PageHead title={`${kind} ${name}`} lead={<a href="/#/plugins">All plugins</a>} />
      {!data ? (
        <Pending error={error} />
      ) : (
        <>
          <Prose text={data.doc} />
          <Facts
            items={[
              ['Version', data.version],
              ['Takes', data.inputs],
              ['Gives', data.outputs],
              [
                'Nodes',
                data.nodes.length ? (
                  <Joined
                    items={data.nodes.map((node) => (
                      <NodeLink name={node} />
                    ))}
                  />
                ) : (
                  'none in this pipeline'
                ),
              ],
              ['Plugin', data.plugin],
              ['File', <span class="mono small">{data.file}</span>],
            ]}
          />
          <Section title="Configuration">{data.schema && <Keys schema={data.schema} />}</Section>
        </>
      )}
    </>
  );
}

function List() {
  const {data, error} = useResource<{plugins: Plugin[]}>('/api/v1/plugins', ['reload']);
  return (
    <>
      <PageHead
        title="Plugins"
        lead={data && `${plural(data.plugins.length, 'plugin')}: everything that knows a product.`}
      />
      {!data && <Pending error={error} />}
      {data &&
        Object.entries(KINDS)
          .filter(([kind]) => data.plugins.some((plugin) => plugin.kind === kind))
          .map(([kind, title]) => (
            <Section key={kind} title={title}>
              <Table
                label={`${title}, a table`}
                heads={['Plugin', 'What it does', 'Version', 'Nodes']}
              >
                {data.plugins
                  .filter((plugin) => plugin.kind === kind)
                  .map((plugin) => (
                    <tr key={plugin.name}>
                      <th scope="row">
                        <a href={at('plugins', kind, plugin.name)}>{plugin.name}</a>
                      </th>
                      <td>{plugin.doc.split('\n', 1)[0]}</td>
                      <td>{plugin.version}</td>
                      <td>
                        {plugin.nodes.length ? (
                          <Joined
                            items={plugin.nodes.map((node) => (
                              <NodeLink name={node} />
                            ))}
                          />
                        ) : (
                          <span class="soft">not in use</span>
                        )}
                      </td>
                    </tr>
                  ))}
              </Table>
            </Section>
          ))}
    </>
  );
}

export function Plugins({route}: {route: Route}) {
  const [kind, name] = route.rest;
  return kind && name ? <PluginPage key={`${kind}/${name}`} kind={kind} name={name} /> : <List />;
}
