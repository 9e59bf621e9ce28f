#include "core/cli/record.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/agent/environment.h"
#include "core/agent/version.h"
#include "core/backtest/live_sources.h"
#include "core/backtest/recorder.h"
#include "core/backtest/scratch.h"
#include "core/backtest/source_past.h"
#include "core/base/clock.h"
#include "core/cli/moment.h"
#include "core/cli/say.h"
#include "core/cli/spoken_services.h"
#include "core/config/loader.h"
#include "core/plugin/instances.h"
#include "core/plugin/loader.h"

namespace heald::cli {
namespace {

namespace fs = std::filesystem;
using backtest::Recorder;
using backtest::RecordSummary;

// Samples of several sources come in this much out of order at most; older ones are in the file.
constexpr int64_t kSettleNs = 2 * kSecond;
constexpr int64_t kStopWithinNs = 10 * kSecond;

void ShowProgress(const RecordSummary& so_far, const std::string& rest) {
  if (isatty(2) != 1) return;
  std::fprintf(stderr, "\r\033[K%llu series, %llu samples, %s",
               static_cast<unsigned long long>(so_far.series),
               static_cast<unsigned long long>(so_far.samples), rest.c_str());
  std::fflush(stderr);
}

std::string Grouped(uint64_t number) {
  std::string text = std::to_string(number);
  for (size_t at = text.size(); at > 3;) text.insert(at -= 3, 1, ',');
  return text;
}

void PrintText(const std::string& file, const RecordSummary& s) {
  std::printf("%s: %s series, %s samples, %s to %s (%s)\n", file.c_str(), Grouped(s.series).c_str(),
              Grouped(s.samples).c_str(), FormatTime(s.from_ns).c_str(),
              FormatTime(s.to_ns).c_str(), FormatElapsed(s.to_ns - s.from_ns).c_str());
  if (s.gaps != 0)
    std::printf("%s %s; the longest: %s, %s without a sample from %s on\n", Grouped(s.gaps).c_str(),
                s.gaps == 1 ? "gap" : "gaps", s.longest.series.c_str(),
                FormatElapsed(s.longest.to_ns - s.longest.from_ns).c_str(),
                FormatTime(s.longest.from_ns).c_str());
}

void PrintJson(const std::string& file, const RecordSummary& s) {
  nlohmann::ordered_json json{{"file", file},
                              {"series", s.series},
                              {"samples", s.samples},
                              {"from", FormatTime(s.from_ns)},
                              {"to", FormatTime(s.to_ns)},
                              {"gaps", s.gaps}};
  if (s.gaps != 0)
    json["longest_gap"] = {{"series", s.longest.series},
                           {"from", FormatTime(s.longest.from_ns)},
                           {"to", FormatTime(s.longest.to_ns)}};
  std::puts(json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace).c_str());
}

// The pipeline's sources that are asked for, and nothing else of it. What isn't there is an error.
Result<PipelineSpec> OnlySources(PipelineSpec spec, const std::vector<std::string>& wanted,
                                 const Catalog& catalog) {
  std::string known;
  for (const NodeSpec& node : spec.nodes)
    if (node.kind == Kind::kSource) known += (known.empty() ? "" : ", ") + node.name;
  for (const std::string& name : wanted)
    if (const NodeSpec* node = spec.FindNode(name); node == nullptr || node->kind != Kind::kSource)
      return MakeError(Code::kNotFound, "there is no source '" + name + "' in " + spec.file +
                                            (known.empty() ? "" : "; it has " + known));
  std::erase_if(spec.nodes, [&](const NodeSpec& node) {
    if (node.kind != Kind::kSource || !node.enabled) return true;
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), node.name) == wanted.end())
      return true;
    const Component* const component = catalog.Find(node.kind, node.plugin);
    return component != nullptr && (component->outputs & kSamples) == 0;
  });
  spec.policies.clear();
  spec.inhibit.clear();
  spec.tests.clear();
  spec.agent.backfill_ns = 0;
  if (spec.nodes.empty())
    return MakeError(Code::kNotFound, "no enabled source of " + spec.file + " gives samples");
  return spec;
}

std::vector<Recorder::Source> SourcesOf(const PipelineSpec& spec) {
  std::vector<Recorder::Source> sources;
  for (const NodeSpec& node : spec.nodes) {
    const Value* const interval = node.config.Find("interval");
    sources.push_back(
        {node.name, node.outputs,
         interval != nullptr && interval->AsInt() != nullptr ? *interval->AsInt() : 0});
  }
  return sources;
}

// What is asked for, once it is understood.
struct Wanted {
  struct Span {
    int64_t from_ns = 0;
    int64_t to_ns = 0;
  };
  std::optional<Span> span;  // the past
  std::optional<int64_t> for_ns;
};

Result<Wanted> Understand(const RecordOptions& options, int64_t now_ns) {
  Wanted wanted;
  const auto named = [](const char* option, Error error) {
    error.message = std::string(option) + ": " + error.message;
    return error;
  };
  if (!options.duration.empty()) {
    if (!options.from.empty())
      return MakeError(Code::kInvalid,
                       "--for is about what comes, --from about the past: one of them");
    const Result<int64_t> for_ns = ParseDuration(options.duration);
    if (!for_ns) return named("--for", for_ns.error());
    if (*for_ns <= 0) return MakeError(Code::kInvalid, "--for: longer than 0");
    wanted.for_ns = *for_ns;
  }
  if (options.from.empty()) {
    if (!options.to.empty()) return MakeError(Code::kInvalid, "--to: say --from too");
    return wanted;
  }
  const Result<int64_t> from_ns = ParseMoment(options.from, now_ns);
  if (!from_ns) return named("--from", from_ns.error());
  const Result<int64_t> to_ns = ParseMoment(options.to.empty() ? "now" : options.to, now_ns);
  if (!to_ns) return named("--to", to_ns.error());
  if (*from_ns >= *to_ns)
    return MakeError(Code::kInvalid, "--from is not before --to: " + FormatTime(*from_ns) + ", " +
                                         FormatTime(*to_ns));
  wanted.span = Wanted::Span{*from_ns, *to_ns};
  return wanted;
}

// A recording isn't written over by mistake, nor what is left of one.
std::string AlreadyThere(const RecordOptions& options) {
  if (options.overwrite) return "";
  for (const std::string& path : {options.output, options.output + ".part"})
    if (fs::exists(path)) return path;
  return "";
}

// Everything that recording needs, made in order and ended in order.
struct Session {
  Session(const plugin::Loader& plugins, PipelineSpec only_sources)
      : spec(std::move(only_sources)),
        factory(plugins, plugin::Shared{&series, &clock, &services, scratch.path()}) {}

  const PipelineSpec spec;
  const backtest::Scratch scratch;
  const SystemClock clock{};
  SeriesTable series;
  SpokenServices services{SpokenServices::kInfo};
  plugin::Factory factory;
  std::unique_ptr<Recorder> recorder;
};

// Says why it ends before it is done, and where that is which was.
int EndOf(const Error& failed, Session& session) {
  static_cast<void>(session.recorder->WriteUntil(INT64_MAX));  // `failed` is what counts
  if (session.recorder->summary().samples != 0)
    return Complain(kFailed, failed.message + "; what was recorded is in " +
                                 session.recorder->part() + " and can be read as it is");
  session.recorder->Discard();
  return Complain(kFailed, failed.message + ". Nothing was recorded.");
}

int Live(Session& run, const sigset_t& signals, std::optional<int64_t> for_ns) {
  backtest::LiveSources sources(run.scratch.path(), run.clock, run.series, run.factory,
                                *run.recorder);
  if (const Status started = sources.Start(run.spec); !started) {
    run.recorder->Discard();
    return Complain(kFailed, started.error().message + ". Nothing was recorded.");
  }
  const int64_t begun_ns = run.clock.MonotonicNs();
  if (isatty(2) == 1 && !for_ns) std::fputs("recording until Ctrl-C\n", stderr);
  for (;;) {
    const int64_t passed_ns = run.clock.MonotonicNs() - begun_ns;
    const int64_t left_ns = for_ns ? *for_ns - passed_ns : kSecond;
    if (left_ns <= 0) break;
    const int64_t wait_ns = std::min(left_ns, kSecond);
    const timespec wait{wait_ns / kSecond, wait_ns % kSecond};
    if (sigtimedwait(&signals, nullptr, &wait) > 0) break;
    if (const Status s = run.recorder->WriteUntil(run.clock.NowNs() - kSettleNs); !s) {
      if (!sources.Stop(kStopWithinNs)) _exit(EndOf(s.error(), run));
      return EndOf(s.error(), run);
    }
    ShowProgress(run.recorder->summary(), FormatElapsed(passed_ns) + " so far");
  }
  for (const std::string& complaint : sources.Complaints()) run.services.Say(complaint);
  if (!sources.Stop(kStopWithinNs)) {
    const Status written = run.recorder->WriteUntil(INT64_MAX);
    _exit(EndOf(
        written ? MakeError(Code::kDeadline, "a source's call doesn't return") : written.error(),
        run));
  }
  const Status written = run.recorder->WriteUntil(INT64_MAX);
  return written ? kDone : EndOf(written.error(), run);
}

// What the sources can look up, in the order of time.
int Past(Session& run, const sigset_t& signals, const Wanted::Span& span) {
  constexpr size_t kWriteEvery = 100'000;  // samples
  Result<std::unique_ptr<backtest::SourcePast>> past = backtest::SourcePast::OpenAll(
      run.spec, run.factory, {span.from_ns, span.from_ns, span.to_ns});
  if (!past) {
    run.recorder->Discard();
    return Complain(past.error().code == Code::kUnsupported ? kNo : kFailed, past.error().message);
  }
  const timespec no_time{0, 0};
  for (size_t waiting = 0;;) {
    const Result<const backtest::PastMoment*> moment = (*past)->Next();
    if (!moment) return EndOf(moment.error(), run);
    if (*moment == nullptr) break;
    for (const backtest::ReplaySample& sample : (*moment)->samples)
      if (const SeriesTable::Series* series = run.series.Get(sample.series))
        run.recorder->Add(run.spec.nodes[series->owner].name, sample.series, sample.ts_ns,
                          sample.value);
    waiting += (*moment)->samples.size();
    if (waiting < kWriteEvery) continue;
    waiting = 0;
    if (const Status s = run.recorder->WriteUntil((*moment)->ts_ns); !s)
      return EndOf(s.error(), run);
    const int64_t at_ns = (*moment)->ts_ns;
    ShowProgress(
        run.recorder->summary(),
        std::to_string((at_ns - span.from_ns) / ((span.to_ns - span.from_ns) / 100 + 1)) + " %");
    if (sigtimedwait(&signals, nullptr, &no_time) > 0)
      return EndOf(MakeError(Code::kCancelled, "stopped at " + FormatTime(at_ns)), run);
  }
  const Status written = run.recorder->WriteUntil(INT64_MAX);
  return written ? kDone : EndOf(written.error(), run);
}

}  // namespace

int Record(const RecordOptions& options) {
  const int64_t now_ns = SystemClock().NowNs();
  Result<Wanted> wanted = Understand(options, now_ns);
  if (!wanted) return Complain(kUsage, wanted.error().message);
  if (const std::string there = AlreadyThere(options); !there.empty())
    return Complain(kNo, there + " is there already: choose another name, or say --overwrite");

  // Signals are waited for here and nowhere else.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);

  const plugin::Loader plugins(options.pipeline.plugin_dir, {}, options.pipeline.program);
  const agent::AgentEnvironment environment;
  LoadResult loaded = options.pipeline.file.empty()
                          ? LoadPipelineText(BuiltInPipeline(), "<built-in>",
                                             fs::current_path().string(), plugins, environment)
                          : LoadPipeline(options.pipeline.file, plugins, environment);
  std::fputs(FormatText(loaded.diagnostics).c_str(), stderr);
  if (!loaded.spec) return kNo;
  Result<PipelineSpec> sources = OnlySources(std::move(*loaded.spec), options.sources, plugins);
  if (!sources) return Complain(kNo, sources.error().message);
  Session run(plugins, std::move(*sources));
  Result<std::unique_ptr<Recorder>> recorder =
      Recorder::Create(options.output, SourcesOf(run.spec), run.series,
                       "heald " + std::string(agent::kVersion), now_ns);
  if (!recorder) return Complain(kFailed, recorder.error().message);
  run.recorder = std::move(*recorder);
  const int code =
      wanted->span ? Past(run, signals, *wanted->span) : Live(run, signals, wanted->for_ns);
  if (isatty(2) == 1) std::fputs("\r\033[K", stderr);
  if (code != kDone) return code;
  const RecordSummary& summary = run.recorder->summary();
  if (summary.samples == 0) {
    run.recorder->Discard();
    return Complain(
        kNo, wanted->span ? "no source has samples of that time" : "the sources gave no samples");
  }
  if (const Status finished = run.recorder->Finish(run.clock.NowNs()); !finished)
    return EndOf(finished.error(), run);
  if (options.format == "json")
    PrintJson(options.output, summary);
  else
    PrintText(options.output, summary);
  return kDone;
}

}  // namespace heald::cli
