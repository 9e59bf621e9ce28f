// Finds plugins, checks them, and makes instances of their components. The only user of Boost.DLL.
// A plugin comes from a path or from a table in the process (tests). Once loaded it stays loaded.
// Thread rule: Find, All and LoadError are safe from any thread; the rest belongs to the thread
// that builds pipelines.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/model/component.h"
#include "heald/abi/plugin.h"

namespace heald::plugin {

// A checked component: what config sees of it, and its table.
struct LoadedComponent {
  Component info;
  heald_component table{};
};

class Loader final : public Catalog {
 public:
  // `own_dir` holds the plugins that come with heald; `other_dirs` those of others, each of which
  // is tried in a process of its own before it enters this one, so that one that crashes at load is
  // an error message and not the agent's end. `probe` is the program for that ("heald"), with the
  // hidden verb `plugin-probe FILE`; empty: no trial.
  Loader(std::string own_dir, std::vector<std::string> other_dirs, std::string probe);
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;
  ~Loader() override;

  const Component* Find(Kind kind, std::string_view name) const override;
  std::vector<const Component*> All() const override;
  std::string LoadError(Kind kind, std::string_view name) const override;
  void AddFolder(const std::string& folder) const override;
  // What was wrong with files that All or Find tried.
  std::vector<std::string> Errors() const;

  // Null when it wasn't found.
  const LoadedComponent* FindLoaded(Kind kind, std::string_view name) const;
  // Loads one file by path. The error says what is wrong with it and what to do.
  Status LoadFile(const std::string& path);
  // A plugin that is linked into the process.
  Status AddTable(const heald_plugin* table);

 private:
  struct Library;

  // The file heald_<kind>_<name>.so in one of the folders; empty when there is none.
  std::string FileOf(Kind kind, std::string_view name) const;
  const LoadedComponent* FindLocked(Kind kind, std::string_view name) const;
  Status LoadLocked(const std::string& path) const;
  Status AddLocked(const heald_plugin* table, const std::string& file) const;
  Status Try(const std::string& path) const;

  const std::string own_dir_;
  const std::string probe_;
  // Loading is on demand, so looking something up may load it.
  mutable std::mutex mutex_;
  mutable std::vector<std::string> other_dirs_;
  mutable std::map<std::pair<Kind, std::string>, std::unique_ptr<LoadedComponent>> components_;
  mutable std::vector<std::unique_ptr<Library>> libraries_;
  mutable std::map<std::string, std::string> failed_;  // path -> why
  mutable std::map<std::string, bool> loaded_;         // path
};

// What `heald plugin-probe FILE` does: load, check, init; prints the error. Returns the exit code.
int Probe(const std::string& path);

}  // namespace heald::plugin
