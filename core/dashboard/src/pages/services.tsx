// Every service that is watched, with all its signals.
import {plural} from '../state/format';
import type {Route} from '../state/router';
import {Empty, PageHead, Pending} from '../ui/bits';
import {ServiceCard, useServices} from '../ui/service';

const SIGNALS = 24;

export function Services({route}: {route: Route}) {
  const {data, error} = useServices();
  const chosen = route.rest[0];
  const shown = data?.services.filter((service) => !chosen || service.name === chosen);
  return (
    <>
      <PageHead
        title={chosen ?? 'Services'}
        lead={
          chosen ? (
            <a href="/#/services">All services</a>
          ) : (
            data && `${plural(data.services.length, 'service')} watched.`
          )
        }
      />
      {!shown ? (
        <Pending error={error} />
      ) : shown.length === 0 ? (
        <Empty>
          {chosen
            ? `Nothing is known of ${chosen}: no sample of it has come in.`
            : 'No samples have come in yet.'}
        </Empty>
      ) : (
        <div class="cards wide">
          {shown.map((service) => (
            <ServiceCard key={service.name} service={service} limit={SIGNALS} />
          ))}
        </div>
      )}
    </>
  );
}
