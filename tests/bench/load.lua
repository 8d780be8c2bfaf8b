-- wrk script: POST the bodies of a file in turn; "KEY-…" in a body becomes a key of this request.
-- Arguments: file of bodies (one per line), token, run number (12 digits), "write" or "read".
local requests, tails, last, turn = {}, {}, 0, 0
local run, writes

function init(args)
  run, writes = args[3], args[4] == "write"
  local headers = { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. args[2] }
  for line in io.lines(args[1]) do
    last = last + 1
    local request = wrk.format("POST", "/graphql", headers, line)
    if writes then
      local from, to = request:find("KEY%-%d+%-%d+")
      requests[last], tails[last] = request:sub(1, from - 1), request:sub(to + 1)
    else
      requests[last] = request
    end
  end
end

function request()
  turn = turn + 1
  local index = turn % last + 1
  if writes then
    return requests[index] .. string.format("KEY-%s-%012d", run, turn) .. tails[index]
  end
  return requests[index]
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  print(string.format(
    '{"requests": %d, "seconds": %f, "failed": %d, "bytes": %d, "p50_ms": %f, "p99_ms": %f}',
    summary.requests, summary.duration / 1e6, failed, summary.bytes, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3
  ))
end
