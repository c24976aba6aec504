#pragma once

#include <compare>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace bpg {

/// The identity of a thing for as long as it is remembered: a prefix that tells the kind and ten random
/// characters, such as "vol_4k0qz8w1tb". Safe as a file, dataset and container name. Never reused.
template <class Kind>
class Id {
 public:
  /// A new id, different from every other (50 random bits).
  static Id make();
  /// The id that `text` spells, or nothing where it is not one of this kind.
  static std::optional<Id> parse(std::string_view text);

  const std::string& str() const { return m_text; }
  auto operator<=>(const Id&) const = default;

 private:
  explicit Id(std::string text) : m_text(std::move(text)) {}
  std::string m_text;
};

struct DatabaseKind { static constexpr std::string_view prefix = "db_"; };
struct BranchKind { static constexpr std::string_view prefix = "br_"; };
struct VolumeKind { static constexpr std::string_view prefix = "vol_"; };
struct SnapshotKind { static constexpr std::string_view prefix = "snap_"; };

using DatabaseId = Id<DatabaseKind>;
using BranchId = Id<BranchKind>;
using VolumeId = Id<VolumeKind>;
using SnapshotId = Id<SnapshotKind>;

}  // namespace bpg

template <class Kind>
struct std::hash<bpg::Id<Kind>> {
  size_t operator()(const bpg::Id<Kind>& id) const noexcept { return std::hash<std::string>{}(id.str()); }
};
