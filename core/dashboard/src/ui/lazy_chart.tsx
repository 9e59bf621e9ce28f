import {lazy} from './lazy';

export const LazyChart = lazy(
  () => import('./chart').then((module) => module.Chart),
  'chart-height',
);
