#include "bpg/wal/verify.hpp"

#include <algorithm>
#include <mutex>
#include <optional>

#include <fmt/format.h>

#include "bpg/util/error.hpp"
#include "bpg/wal/parallel.hpp"
#include "bpg/wal/summary.hpp"

namespace bpg::wal {

namespace {

/// Reads the whole file; what differs from its head.
std::optional<std::string> verify_content(const Archive& archive, const Head& head) {
  const uint64_t segment_size = archive.identity().segment_size;
  const auto number = head.name.number(segment_size);
  if (head.name.kind != FileKind::segment || !number) {
    archive.read(head, [](std::span<const std::byte>) {});
    return std::nullopt;
  }
  Summarizer summarizer(Lsn{*number * segment_size}, segment_size);
  archive.read(head, [&](std::span<const std::byte> bytes) { summarizer.feed(bytes); });
  Summary summary = summarizer.finish();
  if (!head.restore_points_complete) {
    summary.restore_points.resize(std::min(summary.restore_points.size(), head.summary->restore_points.size()));
  }
  if (head.summary != summary) {
    return "its index entry does not say what it holds";
  }
  return std::nullopt;
}

std::optional<std::string> verify_file(const Archive& archive, const FileName& name, bool deep) {
  try {
    const auto head = archive.find(name);
    if (!head) {
      return std::nullopt;  // removed since it was listed
    }
    if (auto problem = deep ? verify_content(archive, *head) : std::nullopt) {
      return problem;
    }
    if (head->summary && head->summary->broken_at) {
      return fmt::format("its WAL cannot be read from {} on: PostgreSQL handed it over so", head->summary->broken_at->str());
    }
    return std::nullopt;
  } catch (const Error& error) {
    return error.message();
  }
}

}  // namespace

std::vector<Finding> verify(const Archive& archive, const VerifyOptions& options) {
  return verify(archive, archive.list(), options);
}

std::vector<Finding> verify(const Archive& archive, const std::vector<FileName>& names, const VerifyOptions& options) {
  std::vector<Finding> findings;
  std::mutex mutex;
  for_each_of(names.size(), options.jobs, [&](size_t index) {
    if (auto problem = verify_file(archive, names[index], options.deep)) {
      const std::lock_guard guard(mutex);
      findings.push_back({names[index], std::move(*problem)});
    }
  });
  std::sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) { return a.name.text < b.name.text; });
  return findings;
}

}  // namespace bpg::wal
