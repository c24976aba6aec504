#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace bpg::runtime {

struct HttpRequest {
  std::string method;
  std::string target;
  std::string body{};  ///< JSON, where it is not empty
  /// How long nothing may come before that is an error. Nothing: for ever.
  std::optional<std::chrono::milliseconds> patience = std::chrono::minutes(2);
};

/// An answer whose head has come. Its body is read as it comes, and its connection goes with it.
///
/// A wait for it ends with `Error{interrupted}` where a signal comes.
class HttpAnswer {
 public:
  struct Connection;

  explicit HttpAnswer(std::unique_ptr<Connection> connection);
  HttpAnswer(HttpAnswer&&) noexcept;
  HttpAnswer& operator=(HttpAnswer&&) noexcept;
  ~HttpAnswer();

  int status() const;
  /// Empty where there is no such header.
  std::string header(const std::string& name) const;
  /// The next piece of the body, never empty; nothing once it has ended.
  std::optional<std::string> read();
  /// What is left of the body.
  std::string read_all();

 private:
  std::unique_ptr<Connection> m_connection;
};

/// Sends a request over a connection of its own to the server that listens on a Unix socket, and waits for the answer's head.
/// Throws `system_error` where nobody can be reached there, and `Error{environment}` where the answer is not HTTP or breaks off.
HttpAnswer send_http(const std::filesystem::path& socket, const HttpRequest& request);

}  // namespace bpg::runtime
