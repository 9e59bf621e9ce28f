// For a source that others push to: whether anybody still does. A sender with a wrong address or
// token loses what it has, and nobody else would tell. Used by remote_write and alertmanager.
// Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <string>

#include "heald/plugin.h"

namespace heald::support {

class Silence {
 public:
  // after: 0 is never.
  Silence(sdk::Host host, sdk::Duration after);

  // Something was taken.
  void Heard();
  // Throws Failure(HEALD_UNAVAILABLE) while it is silent, which makes the node unwell.
  void Check() const;
  // How often to look.
  sdk::Duration Interval() const;

 private:
  const sdk::Host host_;
  const sdk::Duration after_;
  const sdk::Metric last_;
  int64_t since_ns_;  // wall clock: the last that was taken, or the start
  int64_t since_mono_ns_;
  bool ever_ = false;
};

}  // namespace heald::support
