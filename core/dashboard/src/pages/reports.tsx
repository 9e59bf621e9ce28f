// Weeks in numbers: how much went wrong, how long it took, and what nobody had to get up for.
import type {Figures, WeeklyReport} from '../api/types';
import {percent, plural} from '../state/format';
import {useResource} from '../state/resource';
import type {Route} from '../state/router';
import {Empty, Facts, PageHead, Pending, PolicyLink, Section, Table} from '../ui/bits';
import {took, useEfficacy} from '../ui/efficacy';
import {Filter} from '../ui/filter';

const WEEKS = ['4', '12', '26'];

const HEADS = [
  'Incidents',
  'Healed',
  'By itself',
  'Mean time',
  'Median',
  'Pages avoided',
  'Needed people',
  'False positives',
];

function Cells({figures}: {figures: Figures}) {
  return (
    <>
      <td>{figures.incidents}</td>
      <td class="short">
        {figures.healed}
        {figures.healed_ratio !== null && (
          <span class="soft"> ({percent(figures.healed_ratio)})</span>
        )}
      </td>
      <td>{figures.by_itself}</td>
      <td class="short">{took(figures.mttr_mean_seconds)}</td>
      <td class="short">{took(figures.mttr_median_seconds)}</td>
      <td>{figures.avoided_pages}</td>
      <td>{figures.needed_person}</td>
      <td>{figures.false_positives}</td>
    </>
  );
}

function Named({title, rows}: {title: string; rows: (Figures & {name: string})[]}) {
  if (rows.length === 0) return null;
  return (
    <Section title={title}>
      <Table label={title} heads={['Name', ...HEADS]}>
        {rows.map((row) => (
          <tr key={row.name}>
            <th scope="row">{row.name}</th>
            <Cells figures={row} />
          </tr>
        ))}
      </Table>
    </Section>
  );
}

function Efficacy() {
  const {data, error} = useEfficacy();
  if (!data) return <Pending error={error} />;
  return (
    <>
      <Section title="Policies in the last 30 days">
        {data.policies.length === 0 ? (
          <Empty>No policies.</Empty>
        ) : (
          <Table
            label="Policies in the last 30 days"
            heads={['Policy', 'Attempts', 'Worked', 'Failed', 'Median', '90 %', 'Cleared by itself', 'Refused']}
          >
            {data.policies.map((policy) => (
              <tr key={policy.policy}>
                <th scope="row">
                  <PolicyLink name={policy.policy} />
                </th>
                <td>{policy.attempts}</td>
                <td>{percent(policy.success_ratio).replace('unknown', '–')}</td>
                <td>{policy.failed + policy.undone}</td>
                <td class="short">{took(policy.recover_median_seconds)}</td>
                <td class="short">{took(policy.recover_p90_seconds)}</td>
                <td>{policy.cleared_by_itself}</td>
                <td>{policy.refused}</td>
              </tr>
            ))}
          </Table>
        )}
      </Section>
      <Section title="Predictions in the last 30 days">
        {data.predictions.length === 0 ? (
          <Empty>None was judged.</Empty>
        ) : (
          <Table
            label="Predictions in the last 30 days"
            heads={['Detector', 'Came true', 'Averted', 'False alarms', 'Undecidable', 'Ahead of time', 'Brier score']}
          >
            {data.predictions.map((score) => (
              <tr key={score.detector}>
                <th scope="row">{score.detector}</th>
                <td>{score.came_true}</td>
                <td>{score.averted}</td>
                <td>{score.false_alarms}</td>
                <td>{score.undecidable}</td>
                <td class="short">{took(score.lead_median_seconds)}</td>
                <td>{score.brier_score === null ? '–' : score.brier_score.toFixed(3)}</td>
              </tr>
            ))}
          </Table>
        )}
      </Section>
    </>
  );
}

export function Reports({route}: {route: Route}) {
  const asked = route.query.get('weeks') ?? '';
  const weeks = WEEKS.includes(asked) ? asked : '4';
  const {data, error} = useResource<WeeklyReport>(`/api/v1/reports/weekly?weeks=${weeks}`, [
    'incident',
  ]);
  return (
    <>
      <PageHead
        title="Reports"
        lead={
          data
            ? `${plural(data.total.incidents, 'incident')} in ${weeks} weeks, ${plural(data.total.avoided_pages, 'page')} avoided.`
            : 'What went wrong, and what nobody had to get up for.'
        }
      >
        <Filter
          name="Weeks"
          page="reports"
          parameter="weeks"
          value={weeks === '4' ? '' : weeks}
          options={[
            ['', '4 weeks'],
            ['12', '12 weeks'],
            ['26', '26 weeks'],
          ]}
        />
      </PageHead>
      {!data ? (
        <Pending error={error} />
      ) : (
        <>
          <Facts
            items={[
              ['Incidents', data.total.incidents],
              ['Healed by heald', percent(data.total.healed_ratio).replace('unknown', '–')],
              ['Pages avoided', data.total.avoided_pages],
              ['Median time to recovery', took(data.total.mttr_median_seconds)],
            ]}
          />
          <Section title="By week">
            <Table label="By week" heads={['Week of', ...HEADS]}>
              {data.weeks.map((week) => (
                <tr key={week.from}>
                  <th scope="row" class="short">
                    {week.from.slice(0, 10)}
                  </th>
                  <Cells figures={week} />
                </tr>
              ))}
            </Table>
          </Section>
          <Named title="Healed by policy" rows={data.policies} />
          <Named title="Targets with the most incidents" rows={data.targets} />
        </>
      )}
      <Efficacy />
    </>
  );
}
