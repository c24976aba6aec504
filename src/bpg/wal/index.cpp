#include "bpg/wal/index.hpp"

#include <algorithm>
#include <exception>
#include <thread>

#include <fmt/format.h>

#include "bpg/util/error.hpp"
#include "bpg/wal/parallel.hpp"

namespace bpg::wal {

namespace {

/// Reading a head is a call of the kernel and some parsing: threads pay from a few hundred on.
constexpr size_t piece = 256;
constexpr unsigned most_jobs = 8;

}  // namespace

Index Index::read(const Archive& archive) {
  struct Outcome {
    std::optional<Entry> entry{};
    std::string damage{};
    std::exception_ptr failure{};
  };
  const std::vector<FileName> names = archive.list();
  std::vector<Outcome> outcomes(names.size());
  const size_t pieces = (names.size() + piece - 1) / piece;
  for_each_of(pieces, std::min(std::thread::hardware_concurrency(), most_jobs), [&](size_t number) {
    for (size_t i = number * piece; i < std::min(names.size(), (number + 1) * piece); ++i) {
      try {
        outcomes[i].entry = archive.look_at(names[i]);
      } catch (const Error& error) {
        if (error.code() == ErrorCode::storage) {
          outcomes[i].damage = error.message();
        } else {
          outcomes[i].failure = std::current_exception();
        }
      }
    }
  });
  Index index;
  index.m_segment_size = archive.identity().segment_size;
  for (size_t i = 0; i < names.size(); ++i) {
    auto& [entry, damage, failure] = outcomes[i];
    if (failure) {
      std::rethrow_exception(failure);
    }
    if (!damage.empty()) {
      index.m_damaged.push_back({names[i], std::move(damage)});
    } else if (entry) {  // else it was removed since it was listed
      index.m_entries.emplace_hint(index.m_entries.end(), names[i].text, std::move(*entry));
    }
  }
  return index;
}

const Entry* Index::find(const FileName& name) const {
  const auto entry = m_entries.find(name.text);
  return entry == m_entries.end() ? nullptr : &entry->second;
}

const Entry* Index::find_segment(uint32_t timeline, uint64_t number) const {
  return find(FileName::segment(timeline, number, m_segment_size));
}

std::vector<Range> Index::ranges() const {
  std::vector<Range> ranges;
  for (const auto& [text, entry] : m_entries) {
    const FileName& name = entry.head.name;
    const auto number = name.number(m_segment_size);
    if (name.kind != FileKind::segment || !number) {
      continue;
    }
    if (!ranges.empty() && ranges.back().timeline == name.timeline && ranges.back().last + 1 == *number) {
      ++ranges.back().last;
    } else {
      ranges.push_back({name.timeline, *number, *number});
    }
  }
  return ranges;
}

Reach reach_of(const Index& index, const History& history, Lsn from) {
  const uint64_t size = index.segment_size();
  Reach reach{.end = from};
  for (uint64_t number = segment_of(from, size);; ++number) {
    const auto name = FileName::segment(history.timeline_of_segment(number, size), number, size);
    const Entry* entry = index.find(name);
    if (!entry) {
      reach.first_missing = name;
      return reach;
    }
    const auto& summary = entry->head.summary;
    if (summary && summary->end > reach.end) {
      reach.end = summary->end;
    }
    if (!summary || summary->broken_at) {
      reach.broken_at = summary ? *summary->broken_at : Lsn{number * size};
      return reach;
    }
  }
}

History history_of(const Archive& archive, uint32_t timeline) {
  const auto name = FileName::parse(fmt::format("{:08X}.history", timeline));
  const auto head = name ? archive.find(*name) : std::nullopt;
  if (!head) {
    return History(timeline);
  }
  std::string text;
  archive.read(*head, [&](std::span<const std::byte> bytes) {
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  });
  auto history = History::parse(text, timeline);
  if (!history) {
    throw Error(ErrorCode::storage, fmt::format("{} is no history of timeline {}", archive.path_of(*name).string(), timeline));
  }
  return std::move(*history);
}

}  // namespace bpg::wal
