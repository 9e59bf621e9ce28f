// Whether the agent is still heard. What the page shows while it is not is old, and must say so.
import {lastHeard, loginNeeded} from '../api/client';
import {connection} from '../api/stream';
import {Cell} from './cell';

const LOST_MS = 8_000; // four beats of the pipeline

// Date.now() of the last word while there is none any more; null while all is as it should be.
export const lostSince = new Cell<number | null>(null);

function look(): void {
  const lost =
    loginNeeded.get() === null &&
    connection.get().state !== 'connecting' &&
    Date.now() - lastHeard() > LOST_MS;
  lostSince.set(lost ? lastHeard() : null);
}

setInterval(look, 1000);
connection.watch(look);
