#include "bpg/storage/tree_usage.hpp"

#include <fcntl.h>

#include <atomic>
#include <memory>
#include <set>
#include <utility>

#include "bpg/storage/directory.hpp"
#include "bpg/storage/parallel.hpp"
#include "bpg/util/file.hpp"
#include "bpg/util/interrupt.hpp"

namespace bpg::storage {

namespace {

constexpr size_t files_per_task = 64;

struct Total {
  std::atomic<uint64_t> unique = 0;
  std::atomic<uint64_t> shared = 0;
};

/// Files of one directory, for one task. The descriptor is shared by the tasks of the directory: the last closes it.
struct Batch {
  std::shared_ptr<const UniqueFd> directory;
  std::vector<std::pair<std::string, struct stat>> files;
};

class TreeMeasurement {
 public:
  TreeMeasurement(const MeasureFile& measure, Workers& workers, Total& total)
      : m_measure(measure), m_workers(workers), m_total(total) {}

  void walk(UniqueFd fd, const fs::path& path) {
    throw_if_interrupted();
    const auto directory = std::make_shared<const UniqueFd>(std::move(fd));
    DirectoryReader reader(directory->get(), path);
    Batch batch{directory, {}};
    while (auto name = reader.next()) {
      const auto status = stat_entry(directory->get(), *name, path / *name);
      if (!status) {
        continue;
      }
      if (S_ISDIR(status->st_mode)) {
        if (UniqueFd child = open_entry(directory->get(), *name, O_RDONLY | O_DIRECTORY, path / *name)) {
          walk(std::move(child), path / *name);
        }
      } else if (S_ISREG(status->st_mode) && is_first_link(*status)) {
        batch.files.emplace_back(std::move(*name), *status);
        if (batch.files.size() == files_per_task) {
          submit(std::exchange(batch, {directory, {}}));
        }
      }
    }
    submit(std::move(batch));
  }

 private:
  bool is_first_link(const struct stat& status) {
    return status.st_nlink < 2 || m_linked.emplace(status.st_dev, status.st_ino).second;
  }

  void submit(Batch batch) {
    m_workers.add([&measure = m_measure, &total = m_total, batch = std::move(batch)] {
      throw_if_interrupted();
      for (const auto& [name, status] : batch.files) {
        const Usage usage = measure({batch.directory->get(), name, status});
        total.unique += usage.unique_bytes;
        total.shared += usage.shared_bytes;
      }
    });
  }

  const MeasureFile& m_measure;
  Workers& m_workers;
  Total& m_total;
  std::set<std::pair<dev_t, ino_t>> m_linked;
};

}  // namespace

std::vector<Usage> measure_trees(std::span<const fs::path> trees, const MeasureFile& measure) {
  std::vector<Total> totals(trees.size());
  Workers workers;
  for (size_t i = 0; i < trees.size(); ++i) {
    UniqueFd fd = open_entry(AT_FDCWD, trees[i].string(), O_RDONLY | O_DIRECTORY, trees[i]);
    if (fd) {
      TreeMeasurement(measure, workers, totals[i]).walk(std::move(fd), trees[i]);
    }
  }
  workers.finish();
  std::vector<Usage> usages;
  for (const Total& total : totals) {
    usages.push_back({.unique_bytes = total.unique, .shared_bytes = total.shared});
  }
  return usages;
}

Usage allocated_usage(const FileEntry& file) {
  return {.unique_bytes = static_cast<uint64_t>(file.status.st_blocks) * 512};
}

}  // namespace bpg::storage
