// The frame around every page: where to go, whether it is live, the switch, who sits here.
import type {ComponentType} from 'preact';
import {useEffect, useRef, useState} from 'preact/hooks';
import {loginNeeded} from './api/client';
import {onEvent} from './api/stream';
import type {Incident} from './api/types';
import {useCell, useSelected} from './state/cell';
import {route, type Route} from './state/router';
import {outdated} from './state/session';
import {lostSince} from './state/word';
import {announce, ConfirmHost, NoteHost} from './ui/dialog';
import {lazy} from './ui/lazy';
import {Guarded} from './ui/guarded';
import {Login} from './ui/login';
import {LostNote} from './ui/lost';
import {Help, useShortcuts} from './ui/shortcuts';
import {Header, Navigation} from './ui/shell';
import {Actions} from './pages/actions';
import {Anomalies} from './pages/anomalies';
import {Approvals} from './pages/approvals';
import {Audit} from './pages/audit';
import {IncidentPage} from './pages/incident';
import {Incidents} from './pages/incidents';
import {Overview} from './pages/overview';
import {Policies} from './pages/policies';
import {Predictions} from './pages/predictions';
import {Services} from './pages/services';
import {Silences} from './pages/silences';

const PAGES: Record<string, ComponentType<{route: Route}>> = {
  '': Overview,
  services: Services,
  incidents: ({route: at}) =>
    at.rest[0] ? <IncidentPage key={at.rest[0]} id={at.rest[0]} /> : <Incidents route={at} />,
  anomalies: Anomalies,
  predictions: Predictions,
  approvals: Approvals,
  actions: Actions,
  policies: Policies,
  silences: Silences,
  reports: lazy(() => import('./pages/reports').then((module) => module.Reports)),
  pipeline: lazy(() => import('./pages/pipeline').then((module) => module.PipelinePage)),
  plugins: lazy(() => import('./pages/plugins').then((module) => module.Plugins)),
  config: lazy(() => import('./pages/config').then((module) => module.Config)),
  audit: Audit,
  docs: lazy(() => import('./pages/docs').then((module) => module.Docs)),
};

const Missing = () => (
  <>
    <h1 tabIndex={-1}>No such page</h1>
    <p>
      <a href="/#/">To the overview</a>
    </p>
  </>
);

// Pages where a name in the address only picks something out of what is shown anyway.
const ONE_PLACE = new Set(['pipeline', 'policies', 'silences']);

// A reader's place is the new page's title.
function useArrival(at: Route): void {
  const first = useRef(true);
  const place = ONE_PLACE.has(at.page) ? at.page : [at.page, ...at.rest].join('/');
  useEffect(() => {
    if (first.current) return void (first.current = false);
    scrollTo({top: 0});
    const main = document.getElementById('main');
    const heading = () => main?.querySelector<HTMLElement>('h1');
    (heading() ?? main)?.focus({preventScroll: true});
    if (!main || heading()) return;
    // A page that is still being fetched: its title comes later, unless the reader went on.
    const watch = new MutationObserver(() => {
      if (!heading()) return;
      watch.disconnect();
      if (document.activeElement === main) heading()?.focus({preventScroll: true});
    });
    watch.observe(main, {childList: true, subtree: true});
    return () => watch.disconnect();
  }, [place]);
}

function useAnnouncements(): void {
  useEffect(
    () =>
      onEvent((name, data) => {
        if (name !== 'incident') return;
        const incident = data as Incident;
        announce(
          `Incident ${incident.id}, ${incident.target_name}: ${incident.state}. ${incident.summary}`,
        );
      }),
    [],
  );
}

export function App() {
  const at = useCell(route);
  const login = useCell(loginNeeded);
  const old = useCell(outdated);
  const lost = useSelected(lostSince, (since) => since !== null);
  const [help, setHelp] = useState(false);
  useShortcuts(() => setHelp(true));
  useAnnouncements();
  useArrival(at);
  if (login !== null) return <Login reason={login} />;
  const Page = PAGES[at.page] ?? Missing;
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById('main')?.focus();
        }}
      >
        Skip to the page
      </a>
      <Header page={at.page} onHelp={() => setHelp(true)} />
      <div class="frame">
        <Navigation page={at.page} />
        <main id="main" tabIndex={-1} class={lost ? 'stale' : ''}>
          <LostNote quiet={at.page === '' || at.page === 'docs'} />
          {old && (
            <p class="note">
              heald was updated.{' '}
              <button type="button" class="button" onClick={() => location.reload()}>
                Load the new page
              </button>
            </p>
          )}
          <Guarded key={at.page}>
            <Page route={at} />
          </Guarded>
        </main>
      </div>
      {help && <Help onClose={() => setHelp(false)} />}
      <ConfirmHost />
      <NoteHost />
    </>
  );
}
