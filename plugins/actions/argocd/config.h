// What the argocd action can be told. Thread rule: plain values.
#pragma once

#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "heald/config.h"
#include "plugins/support/http_config.h"

namespace heald::argocd {

enum class Operation { kRollback, kSync, kRefresh, kTerminate };
inline constexpr std::string_view kOperationWords[] = {"rollback", "sync", "refresh", "terminate"};
enum class Reenable { kByHand, kNewRevision, kAfter };
inline constexpr std::string_view kReenableWords[] = {"by_hand", "new_revision", "after"};
enum class Refresh { kNormal, kHard };
inline constexpr std::string_view kRefreshWords[] = {"normal", "hard"};

struct Config : support::HttpConfig {
  Operation operation = Operation::kRollback;
  std::string application;
  std::vector<std::string> application_labels = {"argocd_app", "name"};
  std::string app_namespace;
  std::string project;
  std::optional<int64_t> history_id;
  int64_t max_revisions_back = 3;
  bool disable_auto_sync = true;
  Reenable reenable_auto_sync = Reenable::kByHand;
  sdk::Duration reenable_after = sdk::Minutes(60);
  sdk::Duration remind_every = sdk::Minutes(60);
  std::string revision;
  bool prune = false;
  Refresh refresh = Refresh::kNormal;
  sdk::Duration healthy_within = sdk::Minutes(5);

  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple_cat(
        std::tuple(
            Field("url", &Config::url, "Argo CD's address: https://argocd.example.org",
                  {.required = true}),
            Field("operation", &Config::operation, "What to do",
                  {.required = true, .one_of = kOperationWords}),
            Field("application", &Config::application,
                  "Name of the application; by default what application_labels say",
                  {.runtime = true}),
            Field("application_labels", &Config::application_labels,
                  "Labels of the target that may hold the name; the first that is there counts",
                  {.min_items = 1}),
            Field("app_namespace", &Config::app_namespace,
                  "Namespace of the application, where it isn't Argo CD's own", {.runtime = true}),
            Field("project", &Config::project,
                  "Project of the application; tells an unknown one from a forbidden one",
                  {.runtime = true}),
            Field("history_id", &Config::history_id,
                  "rollback: to this entry of the history; by default to what was deployed before",
                  {.min = 0}),
            Field("max_revisions_back", &Config::max_revisions_back,
                  "rollback: never further than this many deployed revisions", {.min = 1}),
            Field("disable_auto_sync", &Config::disable_auto_sync,
                  "rollback: switch auto-sync off first where it is on; else that is refused"),
            Field("reenable_auto_sync", &Config::reenable_auto_sync,
                  "When to switch it on again, besides an undo: by_hand, when Git has a "
                  "new_revision, or after a time",
                  {.one_of = kReenableWords}),
            Field("reenable_after", &Config::reenable_after,
                  "How long auto-sync stays off with reenable_auto_sync: after",
                  {.min = 0, .exclusive_min = true}),
            Field("remind_every", &Config::remind_every,
                  "How often the log says that auto-sync is still off",
                  {.min = 0, .exclusive_min = true}),
            Field("revision", &Config::revision,
                  "sync: to this revision; by default to the one that the application follows",
                  {.runtime = true}),
            Field("prune", &Config::prune, "rollback, sync: delete what Git doesn't have"),
            Field("refresh", &Config::refresh, "refresh: hard also empties the manifest cache",
                  {.one_of = kRefreshWords}),
            Field("healthy_within", &Config::healthy_within,
                  "How long the operation, and the health after it, may take",
                  {.min = 0, .exclusive_min = true})),
        HttpConfig::ConnectionFields());
  }
};

}  // namespace heald::argocd
