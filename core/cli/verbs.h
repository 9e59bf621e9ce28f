// One function per verb of the command line; main.cc parses, these do. Exit codes, the same
// everywhere: 0 done; 1 the answer is no (errors in the file, no such incident); 2 wrong usage;
// 3 could not do it (port taken, store unreachable, a plugin that won't start).
// Thread rule: the main thread.
#pragma once

#include <string>
#include <string_view>

namespace heald::cli {

inline constexpr int kDone = 0;
inline constexpr int kNo = 1;
inline constexpr int kUsage = 2;
inline constexpr int kFailed = 3;

struct PipelineOptions {
  std::string file;        // empty: the built-in pipeline
  std::string plugin_dir;  // of the plugins that come with heald
  std::string program;     // path of this program
};

struct RunOptions {
  PipelineOptions pipeline;
  std::string listen;  // overrides agent.listen
};
// Until SIGTERM or SIGINT; SIGHUP reloads.
int Run(const RunOptions& options);

struct CheckOptions {
  PipelineOptions pipeline;
  std::string format = "text";  // text | json | sarif
  bool print = false;           // the effective configuration, secrets masked
};
int Check(const CheckOptions& options);

struct TestOptions {
  PipelineOptions pipeline;
  std::string tests;   // a file of tests; empty: NAME_test.yaml beside the pipeline, if it is there
  std::string filter;  // only tests with this in their name
  std::string format = "text";
  bool verbose = false;  // tell what happened also where a test passed
};
// The pipeline's unit tests, on a virtual clock. 1 when one fails.
int Test(const TestOptions& options);

struct PluginsOptions {
  PipelineOptions pipeline;  // its agent.plugin_dirs are listed too when there is a file
  std::string format = "text";
};
int Plugins(const PluginsOptions& options);
// `kind/name` or a name that only one kind has: its keys, from the schema, as Markdown.
int PluginDoc(const PluginsOptions& options, const std::string& component);
// The JSON Schema of pipeline files, for editors.
int Schema(const PipelineOptions& options);

// The pipeline that `heald run` uses without a file.
std::string_view BuiltInPipeline();

}  // namespace heald::cli
