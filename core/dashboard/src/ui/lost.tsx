// What is said while the agent isn't heard: since when, and of when the page's facts are.
import {useEffect} from 'preact/hooks';
import {useCell} from '../state/cell';
import {agentNow, clock} from '../state/clock';
import {clockTime, span} from '../state/format';
import {lostSince} from '../state/word';
import {announce} from './dialog';
import {Icon} from './icons';

// null while it is heard.
export function useLost(): {head: string; asOf: string} | null {
  const since = useCell(lostSince);
  useCell(clock); // the age grows
  if (since === null) return null;
  const at = new Date(since + agentNow() - Date.now()).toISOString();
  return {
    head: `No word from heald for ${span(Date.now() - since)}`,
    asOf: `What follows is as of ${clockTime(at)}.`,
  };
}

// On every page but the overview, whose headline says it.
export function LostNote({quiet}: {quiet: boolean}) {
  const lost = useLost();
  const gone = lost !== null;
  useEffect(() => {
    if (gone) announce('No word from heald. What is shown is old.');
    return () => gone && announce('heald is heard again.');
  }, [gone]);
  if (!lost || quiet) return null;
  return (
    <p class="note warn lost">
      <Icon name="warning" /> <strong>{lost.head}.</strong> {lost.asOf}
    </p>
  );
}
