// What heald can do here, and what it did.
import type {Action, Execution} from '../api/types';
import {span} from '../state/format';
import {useResource} from '../state/resource';
import {
  Ago,
  Badge,
  Empty,
  IncidentLink,
  Joined,
  NodeLink,
  PageHead,
  Pending,
  PluginLink,
  PolicyLink,
  Section,
  ServiceLink,
  Table,
} from '../ui/bits';
import {PageFrame, usePages} from '../ui/list';

function took(execution: Execution): string {
  const {issued, ended} = execution;
  return issued && ended ? span(Date.parse(ended) - Date.parse(issued)) : '';
}

function Configured() {
  const {data, error} = useResource<{actions: Action[]}>('/api/v1/actions', ['reload', 'outcome']);
  if (!data) return <Pending error={error} />;
  if (data.actions.length === 0)
    return <Empty>The pipeline has no actions: heald only tells.</Empty>;
  return (
    <Table label="Configured actions" heads={['Action', 'State', 'Plugin', 'Used by']}>
      {data.actions.map((action) => (
        <tr key={action.name}>
          <th scope="row">
            <NodeLink name={action.name} />
          </th>
          <td>
            <Badge state={!action.enabled ? 'disabled' : action.ok ? 'ok' : 'failed'} />{' '}
            {action.detail}
          </td>
          <td>
            <PluginLink kind="action" name={action.plugin} />
          </td>
          <td>
            {action.policies.length ? (
              <Joined
                items={action.policies.map((name) => (
                  <PolicyLink name={name} />
                ))}
              />
            ) : (
              <span class="soft">no policy</span>
            )}
          </td>
        </tr>
      ))}
    </Table>
  );
}

export function Actions() {
  const pages = usePages<Execution>({
    path: '/api/v1/executions',
    member: 'executions',
    events: ['decision', 'outcome'],
    keyOf: (execution) => `${execution.decision}/${execution.attempt}`,
  });
  return (
    <>
      <PageHead title="Actions" lead="What heald can do here, and what it did." />
      <Section title="History">
        {!pages.items ? (
          <Pending error={pages.error} />
        ) : pages.items.length === 0 ? (
          <Empty>Nothing was done so far.</Empty>
        ) : (
          <PageFrame pages={pages}>
            <Table
              label="History of actions"
              heads={['When', 'What', 'State', 'Service', 'Policy', 'By', 'Incident', 'Took']}
            >
              {pages.items.map((execution) => (
                <tr key={`${execution.decision}/${execution.attempt}`}>
                  <td>
                    <Ago time={execution.planned} />
                  </td>
                  <th scope="row">
                    {execution.plan}
                    {execution.attempt > 1 && (
                      <span class="soft"> (attempt {execution.attempt})</span>
                    )}
                    {execution.detail && <div class="soft small">{execution.detail}</div>}
                  </th>
                  <td>
                    <Badge state={execution.state} />
                  </td>
                  <td>
                    <ServiceLink name={execution.target_name} />
                  </td>
                  <td>
                    <PolicyLink name={execution.policy} />
                  </td>
                  <td>{execution.actor}</td>
                  <td>
                    <IncidentLink id={execution.incident} />
                  </td>
                  <td>{took(execution)}</td>
                </tr>
              ))}
            </Table>
          </PageFrame>
        )}
      </Section>
      <Section title="Configured">
        <Configured />
      </Section>
    </>
  );
}
