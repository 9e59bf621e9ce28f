// Where one can go, in the order of the menu; `key` follows g on the keyboard.
import type {IconName} from './icons';

export interface Place {
  page: string;
  name: string;
  icon: IconName;
  key: string;
  href: string;
}

const place = (page: string, name: string, icon: IconName, key: string): Place => ({
  page,
  name,
  icon,
  key,
  href: page === 'docs' ? '/docs' : `/#/${page}`,
});

export const GROUPS: {name: string; places: Place[]}[] = [
  {
    name: 'Now',
    places: [
      place('', 'Overview', 'home', 'o'),
      place('services', 'Services', 'box', 's'),
      place('incidents', 'Incidents', 'list', 'i'),
      place('anomalies', 'Anomalies', 'pulse', 'a'),
      place('predictions', 'Predictions', 'forecast', 'f'),
    ],
  },
  {
    name: 'Remediation',
    places: [
      place('approvals', 'Approvals', 'person', 'r'),
      place('actions', 'Actions', 'work', 't'),
      place('policies', 'Policies', 'shield', 'l'),
      place('silences', 'Silences', 'mute', 'n'),
      place('reports', 'Reports', 'list', 'w'),
    ],
  },
  {
    name: 'Agent',
    places: [
      place('pipeline', 'Pipeline', 'flow', 'p'),
      place('plugins', 'Plugins', 'plug', 'u'),
      place('config', 'Configuration', 'file', 'c'),
      place('audit', 'Audit', 'eye', 'd'),
      place('docs', 'API', 'book', 'x'),
    ],
  },
];

export const PLACES = GROUPS.flatMap((group) => group.places);
