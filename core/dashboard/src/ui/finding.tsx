// What a detector found: the value against what was expected, and who contributed.
import type {Contributor, Finding} from '../api/types';
import {digits, duration, expectation, formatValue, percent, seen} from '../state/format';
import {Ago, Badge, Facts, LabelList, NodeLink} from './bits';
import {LazyChart} from './lazy_chart';

const MIN_POINTS = 3;

export function Contributors({list, unit}: {list: Contributor[]; unit: string}) {
  if (list.length === 0) return null;
  return (
    <table class="contributors">
      <caption class="small soft">Contributors</caption>
      <thead>
        <tr>
          <th scope="col">name</th>
          <th scope="col">share</th>
          <th scope="col">value</th>
          <th scope="col">expected</th>
        </tr>
      </thead>
      <tbody>
        {list.map((contributor) => (
          <tr key={contributor.name}>
            <th scope="row">{contributor.name}</th>
            <td>
              <meter
                min={0}
                max={1}
                value={contributor.share ?? 0}
                aria-label={`Share of ${contributor.name}`}
              />{' '}
              {percent(contributor.share)}
            </td>
            <td>{formatValue(contributor.value, unit)}</td>
            <td>{formatValue(contributor.expected, unit)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

// Everything about it, for where it is opened.
export function FindingDetail({finding}: {finding: Finding}) {
  // That it is back to normal is said already.
  const notes = Object.entries(finding.annotations).filter(
    // And the limit is in the chart.
    ([name, value]) => name !== 'limit' && (name !== 'cleared' || value !== 'normal'),
  );
  return (
    <div class="finding-detail">
      {finding.recent.length >= MIN_POINTS && <LazyChart finding={finding} />}
      <Facts
        items={[
          ['Detector', <NodeLink name={finding.node} />],
          ['Target', <LabelList labels={finding.target} />],
          ['Began', <Ago time={finding.began} />],
          ['Latest', <Ago time={finding.time} />],
          // Of a value that is back to normal they say nothing.
          ...(finding.state === 'clear'
            ? []
            : [
                ['Score', finding.score === null ? 'unknown' : digits(finding.score)] as [
                  string,
                  string,
                ],
                ['Confidence', percent(finding.confidence)] as [string, string],
              ]),
          ...(finding.recent_step_seconds
            ? [['Step', duration(finding.recent_step_seconds)] as [string, string]]
            : []),
          ...notes.map(([name, value]): [string, string] => [name, value]),
        ]}
      />
      <Contributors list={finding.contributors} unit={finding.unit} />
    </div>
  );
}

export const findingState = (finding: Finding): string =>
  finding.state === 'clear' ? 'cleared' : finding.severity;

export function FindingCard({finding}: {finding: Finding}) {
  return (
    <article class="card" aria-label={finding.description}>
      <div class="card-head">
        <h3>
          {seen(finding)}
          <span class="soft"> {expectation(finding)}</span>
        </h3>
        <Badge state={findingState(finding)} />
      </div>
      {finding.summary && finding.state !== 'clear' && <p>{finding.summary}</p>}
      <FindingDetail finding={finding} />
    </article>
  );
}
