// What became of a prediction.
import type {Judgement} from '../api/types';
import {Ago, Badge} from './bits';

export function JudgementText({judgement}: {judgement: Judgement | null | undefined}) {
  if (!judgement) return <span class="soft">not judged</span>;
  if (judgement.outcome === 'pending')
    return (
      <>
        <Badge state="pending" /> decided <Ago time={judgement.until} />
      </>
    );
  return (
    <>
      <Badge state={judgement.outcome} />{' '}
      <span>{judgement.text.replace(/^(came true|averted|false alarm|undecidable):? ?/, '')}</span>
    </>
  );
}
