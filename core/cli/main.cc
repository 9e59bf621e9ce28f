// The `heald` program: parses the command line and calls one verb. The only user of CLI11, with
// describe.cc.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>

#include "core/agent/version.h"
#include "core/cli/approve.h"
#include "core/cli/audit.h"
#include "core/cli/backtest.h"
#include "core/cli/completion.h"
#include "core/cli/describe.h"
#include "core/cli/explain.h"
#include "core/cli/health.h"
#include "core/cli/incidents.h"
#include "core/cli/manual.h"
#include "core/cli/rbac.h"
#include "core/cli/record.h"
#include "core/cli/report.h"
#include "core/cli/score.h"
#include "core/cli/silence.h"
#include "core/cli/token.h"
#include "core/cli/verbs.h"
#include "core/plugin/loader.h"

namespace {

namespace fs = std::filesystem;
using namespace heald::cli;

std::string ProgramPath() {
  std::error_code error;
  const fs::path path = fs::read_symlink("/proc/self/exe", error);
  return error ? "heald" : path.string();
}

// <prefix>/bin/heald -> <prefix>/lib/heald/plugins, in the build tree as installed.
std::string PluginDir(const std::string& program) {
  if (const char* dir = std::getenv("HEALD_PLUGIN_DIR")) return dir;
  const fs::path prefix = fs::path(program).parent_path().parent_path();
  for (const char* lib : {HEALD_LIBDIR, "lib"})
    if (const fs::path dir = prefix / lib / "heald" / "plugins"; fs::exists(dir))
      return dir.string();
  return (prefix / "lib" / "heald" / "plugins").string();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"heald keeps services alive while people sleep"};
  app.set_version_flag("--version", "heald " + std::string(heald::agent::kVersion));
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 done; 1 the answer is no (errors in the file, no such incident);\n"
      "2 wrong usage; 3 could not do it (port taken, store unreachable).");

  PipelineOptions pipeline;
  pipeline.program = ProgramPath();
  pipeline.plugin_dir = PluginDir(pipeline.program);
  int code = kDone;
  // What a value is, shells have to know to complete it.
  const auto add_file = [&](CLI::App* to, const char* what) {
    return to->add_option("file", pipeline.file, what)->type_name("FILE");
  };
  const auto verb = [&](const char* name, const char* what) {
    CLI::App* sub = app.add_subcommand(name, what);
    sub->add_option("file", pipeline.file, "Pipeline file; without one the built-in pipeline")
        ->type_name("FILE");
    return sub;
  };

  RunOptions run;
  CLI::App* sub = verb("run", "Run the agent until SIGTERM; SIGHUP reloads the file");
  sub->add_option("--listen", run.listen, "host:port, in place of agent.listen");
  sub->callback([&] {
    run.pipeline = pipeline;
    code = Run(run);
  });

  CheckOptions check;
  sub = verb("check", "Report every mistake in a pipeline file; starts nothing");
  sub->add_option("--format", check.format, "text, json or sarif")
      ->check(CLI::IsMember({"text", "json", "sarif"}));
  sub->add_flag("--print", check.print, "Print the effective configuration, secrets masked");
  sub->callback([&] {
    check.pipeline = pipeline;
    code = Check(check);
  });

  TestOptions test;
  sub = verb("test", "Run the pipeline's unit tests on a virtual clock");
  sub->add_option("--tests", test.tests, "File of tests; else NAME_test.yaml beside the pipeline")
      ->type_name("FILE");
  sub->add_option("--filter", test.filter, "Only tests with this in their name");
  sub->add_option("--format", test.format, "text or json")->check(CLI::IsMember({"text", "json"}));
  sub->add_flag("--verbose,-v", test.verbose, "Tell what happened also where a test passed");
  sub->callback([&] {
    test.pipeline = pipeline;
    code = Test(test);
  });

  ScoreOptions score;
  sub = app.add_subcommand("score", "Run a detector over a CSV file: a score for every row");
  sub->add_option("--plugin", score.plugin, "A detector, by name or by the path of its file")
      ->type_name("PLUGIN")
      ->required();
  sub->add_option("--config", score.config, "YAML file with the plugin's config: mapping")
      ->type_name("FILE");
  sub->add_option("--train", score.train, "Rows to learn from first, of the time before the input")
      ->type_name("FILE");
  sub->add_option("--input", score.input,
                  "timestamp,metric… or numbers only, one row a minute; .gz too")
      ->type_name("FILE")
      ->required();
  sub->add_option("--output", score.output,
                  "timestamp,score,severity,alert,contributors; - for stdout")
      ->type_name("FILE")
      ->required();
  sub->callback([&] {
    score.pipeline = pipeline;
    code = Score(score);
  });

  BacktestOptions backtest;
  sub = app.add_subcommand(
      "backtest", "Run pipelines over recorded history: what they would have found and done");
  sub->add_option("files", backtest.files,
                  "Pipeline file; several are compared over the same history")
      ->type_name("FILE")
      ->required();
  sub->add_option("--against", backtest.against, "Another pipeline file to compare with")
      ->type_name("FILE");
  sub->add_option("--from", backtest.from, "2026-11-21T20:00:00Z, -24h or now");
  sub->add_option("--to", backtest.to, "The same; else now, or the end of the input");
  sub->add_option("--warmup", backtest.warmup,
                  "How much before --from to learn from; else 1d, as far as there is");
  sub->add_option("--input", backtest.input,
                  "History from a CSV file, .gz too: timestamp, then columns named as the pipeline "
                  "reads them; else its sources are asked")
      ->type_name("FILE");
  sub->add_option("--labels", backtest.labels,
                  "CSV start,end[,name] of what was really wrong: tells recall, precision, delay")
      ->type_name("FILE");
  sub->add_option("--by-itself", backtest.by_itself,
                  "What is over so soon needed no action; else 5m");
  sub->add_option("--format", backtest.format, "text or json")
      ->check(CLI::IsMember({"text", "json"}));
  sub->add_option("--html", backtest.html, "Write the report as a page with charts too")
      ->type_name("FILE");
  sub->callback([&] {
    backtest.pipeline = pipeline;
    code = Backtest(backtest);
  });

  RecordOptions record;
  sub =
      verb("record", "Write what the pipeline's sources give into a file, for replay and backtest");
  sub->add_option("--output,-o", record.output, "JSON lines; gzipped where it ends in .gz")
      ->type_name("FILE")
      ->required();
  sub->add_option("--for", record.duration,
                  "So long from now on, for instance 10m; else until Ctrl-C");
  sub->add_option("--from", record.from,
                  "The past instead, from here on: a time, or -24h; of sources that can look back");
  sub->add_option("--to", record.to, "Its end; else now");
  sub->add_option("--source", record.sources, "Only this source; may come several times")
      ->allow_extra_args(false);
  sub->add_flag("--overwrite", record.overwrite, "Also where there is such a file already");
  sub->add_option("--format", record.format, "Of the summary: text or json")
      ->check(CLI::IsMember({"text", "json"}));
  sub->callback([&] {
    record.pipeline = pipeline;
    code = Record(record);
  });

  ExplainOptions explain;
  sub =
      app.add_subcommand("explain", "Tell one incident from the first sample to the verification");
  sub->add_option("incident", explain.incident, "Its number")->required();
  add_file(sub, "Pipeline file, which says where the journal is");
  sub->add_option("--store", explain.store,
                  "The journal itself, for instance sqlite:/var/lib/heald/heald.db");
  sub->add_option(
         "--format", explain.format,
         "text, or json: what GET /api/v1/incidents/N answers (openapi.yaml, IncidentChain)")
      ->check(CLI::IsMember({"text", "json"}));
  sub->callback([&] { code = Explain(explain, pipeline); });

  IncidentsOptions incidents;
  sub = app.add_subcommand("incidents", "List incidents, newest first");
  add_file(sub, "Pipeline file, which says where the journal is");
  sub->add_option("--store", incidents.store,
                  "The journal itself, for instance sqlite:/var/lib/heald/heald.db");
  sub->add_option("--state", incidents.state, "open, acting, verifying, resolved or escalated");
  sub->add_option("--limit", incidents.limit, "At most so many");
  sub->add_option("--format", incidents.format, "text or json")
      ->check(CLI::IsMember({"text", "json"}));
  sub->callback([&] { code = Incidents(incidents, pipeline); });

  PluginsOptions plugins;
  sub = verb("plugins",
             "List the plugins there are, and what is wrong with those that can't be loaded");
  sub->add_option("--format", plugins.format, "text or json")
      ->check(CLI::IsMember({"text", "json"}));
  sub->callback([&] {
    plugins.pipeline = pipeline;
    code = Plugins(plugins);
  });

  AuditOptions audit;
  CLI::App* trail = app.add_subcommand("audit", "About the audit trail");
  trail->require_subcommand(1);
  sub = trail->add_subcommand(
      "verify", "Check that no row of it was changed, deleted, put in or moved; prints its head");
  add_file(sub, "Pipeline file, which says where the journal is");
  sub->add_option("--store", audit.store,
                  "The journal itself, for instance sqlite:/var/lib/heald/heald.db");
  sub->add_option("--known", audit.known,
                  "SEQ:HASH, a head printed earlier: finds a trail that was forged as a whole");
  sub->add_option("--format", audit.format, "text or json")->check(CLI::IsMember({"text", "json"}));
  sub->callback([&] { code = AuditVerify(audit, pipeline); });

  constexpr char kWhereItListens[] = "Pipeline file, which says where the agent listens";
  SilenceOptions silence;
  ApproveOptions approve;
  const auto remote = [&](CLI::App* verb_of_agent, RemoteOptions* options) {
    verb_of_agent->add_option("--url", options->url,
                              "The agent, for instance http://127.0.0.1:8080");
    verb_of_agent->add_option("--token", options->token,
                              "Of a person or a robot; else HEALD_TOKEN, else agent.token");
    verb_of_agent->add_option("--pipeline", pipeline.file, kWhereItListens)->type_name("FILE");
  };
  const auto formats = [](CLI::App* verb_of_agent, std::string* format) {
    verb_of_agent->add_option("--format", *format, "text or json")
        ->check(CLI::IsMember({"text", "json"}));
  };
  CLI::App* silences =
      app.add_subcommand("silence", "Leave something alone for a while: tell nobody, do nothing");
  silences->require_subcommand(1);
  const auto silence_verb = [&](const char* name, const char* what,
                                int (*run_verb)(const SilenceOptions&, const PipelineOptions&)) {
    CLI::App* const sub_verb = silences->add_subcommand(name, what);
    sub_verb->callback([&, run_verb] { code = run_verb(silence, pipeline); });
    remote(sub_verb, &silence.remote);
    formats(sub_verb, &silence.format);
    return sub_verb;
  };
  sub = silence_verb("add", "Silence what all these matchers fit", SilenceAdd);
  sub->add_option("matchers", silence.matchers,
                  "label=value, !=, =~ or !~; also of detector, metric, severity, kind, policy")
      ->required();
  sub->add_option("--for", silence.duration, "For instance 2h");
  sub->add_option("--until", silence.until, "A time, for instance 2026-11-21T20:14:03Z");
  sub->add_option("--comment", silence.comment, "Why")->required();
  sub = silence_verb("list", "List the silences in force", SilenceList);
  add_file(sub, kWhereItListens);
  sub->add_flag("--all", silence.all, "Also those that ended lately");
  sub = silence_verb("expire", "End a silence before its time", SilenceExpire);
  sub->add_option("id", silence.id, "For instance s7")->required();
  add_file(sub, kWhereItListens);

  const auto answer_verb = [&](const char* name, const char* what) {
    CLI::App* const sub_verb = app.add_subcommand(name, what);
    sub_verb->add_option("--plan", approve.plan_hash,
                         "The beginning of the plan's hash that you saw: another plan is refused");
    sub_verb->add_option("--actor", approve.actor, "Your name, where the agent needs no token");
    remote(sub_verb, &approve.remote);
    formats(sub_verb, &approve.format);
    return sub_verb;
  };
  sub = answer_verb("approve", "Let a waiting decision run; without one, list those that wait");
  sub->add_option("decision", approve.decision, "The beginning of its id");
  add_file(sub, kWhereItListens);
  sub->add_flag("--deny", approve.deny, "No: as heald deny");
  sub->callback([&] {
    // `heald approve FILE`: an id has no dot.
    if (pipeline.file.empty() && approve.decision.find('.') != std::string::npos)
      std::swap(pipeline.file, approve.decision);
    code = Approve(approve, pipeline);
  });
  sub =
      answer_verb("deny", "Say no to a waiting decision: its policy does nothing in that incident");
  sub->add_option("decision", approve.decision, "The beginning of its id")->required();
  add_file(sub, kWhereItListens);
  sub->callback([&] {
    approve.deny = true;
    code = Approve(approve, pipeline);
  });

  ReportOptions report;
  sub = app.add_subcommand("report", "Weeks of incidents, policies and predictions in numbers");
  sub->add_option("--weeks", report.weeks, "How many, this one included")->check(CLI::Range(1, 53));
  add_file(sub, kWhereItListens);
  remote(sub, &report.remote);
  formats(sub, &report.format);
  sub->callback([&] { code = Report(report, pipeline); });

  LabelOptions label;
  sub = app.add_subcommand("label", "Say what an incident really was");
  sub->add_option("incident", label.incident, "Its number")->required();
  sub->add_option("label", label.label,
                  "true-positive, false-positive, noise or expected; none takes it back")
      ->required();
  add_file(sub, kWhereItListens);
  sub->add_option("--comment", label.comment, "Why");
  remote(sub, &label.remote);
  formats(sub, &label.format);
  sub->callback([&] { code = Label(label, pipeline); });

  std::string component;
  CLI::App* plugin = app.add_subcommand("plugin", "About one plugin");
  plugin->require_subcommand(1);
  sub = plugin->add_subcommand("doc", "Its keys as Markdown, from its schema");
  sub->add_option("name", component, "zscore, or detector/zscore")->type_name("PLUGIN")->required();
  add_file(sub, "Pipeline file, for its agent.plugin_dirs");
  sub->callback([&] {
    plugins.pipeline = pipeline;
    code = PluginDoc(plugins, component);
  });

  TokenOptions token;
  CLI::App* tokens =
      app.add_subcommand("token", "Who may use the API: make, list and revoke tokens");
  tokens->require_subcommand(1);
  const auto token_verb = [&](const char* name, const char* what,
                              int (*run_verb)(const TokenOptions&, const PipelineOptions&)) {
    CLI::App* const sub_verb = tokens->add_subcommand(name, what);
    sub_verb->callback([&, run_verb] { code = run_verb(token, pipeline); });
    return sub_verb;
  };
  const auto where = [&](CLI::App* sub_verb) {
    add_file(sub_verb, "Pipeline file, which says where state_dir is");
    sub_verb->add_option("--state-dir", token.state_dir, "The folder itself")->type_name("DIR");
  };
  sub = token_verb("create", "Make a token; prints it on stdout, this once", TokenCreate);
  sub->add_option("--name", token.name, "Of the person or the robot")->required();
  sub->add_option(
         "--role", token.role,
         "viewer reads; operator switches, reloads and the like; approver approves; admin; "
         "sender pushes to sources, no more")
      ->required()
      ->check(CLI::IsMember({"viewer", "operator", "approver", "admin", "sender"}));
  sub->add_option("--expires", token.expires, "Time to live, for instance 30d; else it has no end");
  where(sub);
  sub = token_verb("list", "List the tokens there are, without their secrets", TokenList);
  sub->add_option("--format", token.format, "text or json")->check(CLI::IsMember({"text", "json"}));
  where(sub);
  sub =
      token_verb("revoke", "Take a token away; a running agent knows within a second", TokenRevoke);
  sub->add_option("token", token.token, "Its id, or a name for all that it has")->required();
  where(sub);

  RbacOptions rbac;
  sub = app.add_subcommand("rbac",
                           "Print what a pipeline has to be allowed in Kubernetes, as manifests");
  add_file(sub, "Pipeline file")->required();
  sub->add_option("--name", rbac.name, "Of the ServiceAccount and its roles; else heald");
  sub->add_option("--agent-namespace", rbac.agent_namespace, "Where the agent runs; else heald");
  sub->add_option("--namespace", rbac.namespaces,
                  "What it may touch, where the pipeline doesn't say; several with more of them; "
                  "else all namespaces")
      ->allow_extra_args(false);
  sub->add_option("--format", rbac.format, "manifests, or helm: values for heald's chart")
      ->check(CLI::IsMember({"manifests", "helm"}));
  sub->callback([&] {
    rbac.pipeline = pipeline;
    code = Rbac(rbac);
  });

  sub = app.add_subcommand("schema", "Print the JSON Schema of pipeline files, for editors");
  sub->callback([&] { code = Schema(pipeline); });

  HealthOptions health;
  sub = app.add_subcommand(
      "health", "Ask the agent how it is: 0 well, 1 not, 3 no answer; for probes of containers");
  add_file(sub, kWhereItListens);
  sub->add_option("--url", health.url, "The agent, for instance http://127.0.0.1:8080");
  sub->add_flag("--ready", health.ready, "Also whether it can do its work: store, sources");
  formats(sub, &health.format);
  sub->callback([&] { code = Health(health, pipeline); });

  std::string shell;
  sub = app.add_subcommand("completion", "Print a script that completes heald's command line");
  sub->add_option("shell", shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  sub->callback([&] { code = Completion(shell, Describe(app)); });

  // For the build, which makes the manual pages of it.
  std::string section;
  sub = app.add_subcommand("manual", "Print a section of the manual pages: commands or keys")
            ->group("");
  sub->add_option("section", section)->required()->check(CLI::IsMember({"commands", "keys"}));
  sub->callback([&] { code = Manual(section, Describe(app)); });

  std::string library;
  sub = app.add_subcommand("plugin-probe", "Load one plugin and exit")->group("");
  sub->add_option("file", library)->required();
  sub->callback([&] { code = heald::plugin::Probe(library); });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kUsage;
  }
  return code;
}
