#include "bpg/wal/get.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "bpg/util/error.hpp"
#include "bpg/util/file.hpp"
#include "bpg/util/trace.hpp"
#include "bpg/wal/archive.hpp"
#include "bpg/wal/lines.hpp"
#include "bpg/wal/parallel.hpp"
#include "bpg/wal/spool.hpp"

namespace bpg::wal {

namespace {

/// The spool never holds more than this.
constexpr uint64_t largest_spool = uint64_t{256} << 20;

/// Whether the ancestor's file of that name is part of our history.
bool is_ours(const Ancestor& ancestor, const Archive& archive, const FileName& name) {
  if (name.timeline > ancestor.timeline) {
    return false;
  }
  if (name.kind == FileKind::history) {
    return true;
  }
  const uint64_t size = archive.identity().segment_size;
  const auto number = name.number(size);
  return number && (*number + 1) * size <= ancestor.fork.value;
}

/// The archives of a request, opened as they are needed.
class Sources {
 public:
  explicit Sources(const GetRequest& request) : m_own(Archive::open(request.archive)) {
    for (const Ancestor& ancestor : request.ancestors) {
      m_ancestors.emplace_back(ancestor, Archive::open(ancestor.archive));
    }
  }

  struct Found {
    const Archive* archive;
    Head head;
  };

  std::optional<Found> find(const FileName& name) const {
    if (auto head = m_own.find(name)) {
      return Found{&m_own, std::move(*head)};
    }
    for (const auto& [ancestor, archive] : m_ancestors) {
      if (!is_ours(ancestor, archive, name)) {
        continue;
      }
      if (auto head = archive.find(name)) {
        return Found{&archive, std::move(*head)};
      }
    }
    return std::nullopt;
  }

  uint64_t segment_size() const { return m_own.identity().segment_size; }

  FileName after(const FileName& segment, uint64_t steps = 1) const {
    const auto number = segment.number(segment_size());
    if (!number) {
      throw Error(ErrorCode::usage, fmt::format("'{}' is no segment of {} bytes", segment.text, segment_size()));
    }
    return FileName::segment(segment.timeline, *number + steps, segment_size());
  }

 private:
  Archive m_own;
  std::vector<std::pair<Ancestor, Archive>> m_ancestors;
};

void restore(const Sources::Found& found, const fs::path& destination) {
  const UniqueFd file = open_file(destination, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  try {
    found.archive->read(found.head, [&](std::span<const std::byte> bytes) {
      write_all(file.get(), {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, destination);
    });
  } catch (...) {
    ::unlink(destination.c_str());
    throw;
  }
}

/// Fetches the segments behind `name`, up to the first that is not there. What goes wrong with one of them is told
/// when it is asked for.
void fetch_ahead(const Sources& sources, const Spool& spool, const FileName& name, const GetRequest& request) {
  const auto before = spool.progress();
  const bool sequential = before && before->expected == name.text;
  const auto most = static_cast<unsigned>(std::min<uint64_t>(request.prefetch, largest_spool / sources.segment_size()));
  const unsigned wanted = std::min(sequential ? before->ahead * 2 : 1U, most);
  if (wanted == 0) {
    return;
  }
  if (!sequential) {
    spool.remove();
  }
  std::vector<Sources::Found> following;
  while (following.size() < wanted) {
    auto found = sources.find(sources.after(name, following.size() + 1));
    if (!found) {
      break;
    }
    following.push_back(std::move(*found));
  }
  for_each_of(following.size(), request.jobs, [&](size_t index) {
    try {
      spool.put(*following[index].archive, following[index].head);
    } catch (const std::exception&) {
    }
  });
  spool.set_progress({.expected = sources.after(name, following.size() + 1).text, .ahead = wanted});
}

}  // namespace

std::optional<Ancestor> Ancestor::parse(std::string_view text) {
  const size_t first = text.find(':');
  const size_t second = first == std::string_view::npos ? first : text.find(':', first + 1);
  if (second == std::string_view::npos || second + 1 == text.size()) {
    return std::nullopt;
  }
  const auto timeline = parse_number<uint32_t>(text.substr(0, first));
  const auto fork = Lsn::parse(text.substr(first + 1, second - first - 1));
  if (!timeline || !fork) {
    return std::nullopt;
  }
  return Ancestor{.archive = text.substr(second + 1), .timeline = *timeline, .fork = *fork};
}

GetResult get(const GetRequest& request) {
  const auto name = FileName::parse(request.name);
  if (!name) {
    throw Error(ErrorCode::usage, fmt::format("'{}' is not the name of a WAL file", request.name));
  }
  if (name->kind == FileKind::partial) {
    throw Error(ErrorCode::refused, fmt::format("{} is the part of a segment that its timeline left behind, and is not served",
                                                name->text));
  }
  const Sources sources(request);
  const auto found = sources.find(*name);
  const Spool spool(request.spool);
  const bool spooling = !request.spool.empty();
  if (!found || name->kind != FileKind::segment) {
    // Recovery asks for what is not there when it has come to the end, and for histories before it begins and after.
    if (spooling) {
      spool.remove();
    }
    if (!found) {
      return GetResult::absent;
    }
    step("restore", [&] { restore(*found, request.destination); });
    return GetResult::restored;
  }
  if (spooling && step("take", [&] { return spool.take(found->head, request.destination); })) {
    return GetResult::restored;
  }
  step("restore", [&] { restore(*found, request.destination); });
  if (spooling) {
    try {
      step("fetch ahead", [&] { fetch_ahead(sources, spool, *name, request); });
    } catch (const Error&) {
      // The segment that was asked for is there; the next ones will be fetched when they are asked for.
      spool.remove();
    }
  }
  return GetResult::restored;
}

}  // namespace bpg::wal
