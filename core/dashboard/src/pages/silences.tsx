// What is left alone for a while, by whom and why.
import type {Silence} from '../api/types';
import {ago} from '../state/format';
import {useResource} from '../state/resource';
import type {Route} from '../state/router';
import {endSilence} from '../ui/act';
import {Ago, Badge, Button, Empty, PageHead, Pending, Section} from '../ui/bits';
import {SilenceButton} from '../ui/silence';

function SilenceCard({silence, chosen}: {silence: Silence; chosen: boolean}) {
  const {id, matchers, comment, actor, created, ends, active, ended_by} = silence;
  return (
    <article
      class={`card ${active ? '' : 'parked'} ${chosen ? 'chosen' : ''}`}
      aria-label={`Silence ${id}`}
    >
      <div class="card-head">
        <h3>{comment}</h3>
        <Badge state={active ? 'silenced' : 'disabled'}>{active ? 'in force' : 'over'}</Badge>
      </div>
      <ul class="matchers" aria-label="What it is about">
        {matchers.map((matcher) => (
          <li key={matcher}>
            <code>{matcher}</code>
          </li>
        ))}
      </ul>
      <p class="soft small">
        {id} by {actor}, <Ago time={created} />; {active ? 'ends' : 'ended'}{' '}
        <Ago time={ends} how={ago} />
        {ended_by && ` by ${ended_by}`}
      </p>
      {active && (
        <div class="card-tools">
          <Button
            role="operator"
            aria-label={`End silence ${id}`}
            onClick={() => void endSilence(silence)}
          >
            End it now
          </Button>
        </div>
      )}
    </article>
  );
}

export function Silences({route}: {route: Route}) {
  const {data, error} = useResource<{silences: Silence[]}>('/api/v1/silences', [
    'silence',
    'incident',
  ]);
  const chosen = route.rest[0] ?? '';
  const list = (silences: Silence[]) => (
    <div class="cards wide">
      {silences.map((silence) => (
        <SilenceCard key={silence.id} silence={silence} chosen={silence.id === chosen} />
      ))}
    </div>
  );
  const active = data?.silences.filter((silence) => silence.active) ?? [];
  const over = data?.silences.filter((silence) => !silence.active) ?? [];
  return (
    <>
      <PageHead
        title="Silences"
        lead="What heald leaves alone for a while: it watches, but tells nobody and does nothing."
      >
        <SilenceButton word="New silence" />
      </PageHead>
      {!data ? (
        <Pending error={error} />
      ) : (
        <Section title="In force">
          {active.length > 0 ? list(active) : <Empty>Nothing is silenced.</Empty>}
        </Section>
      )}
      {over.length > 0 && <Section title="Over">{list(over)}</Section>}
    </>
  );
}
