-- The server's process, started so that its end is noticed whatever a person configures.
--
-- `on_exit` of a client's configuration is one field: `vim.lsp.config('indoors', { on_exit = … })` puts another
-- function in its place. What `cmd` is given is told in any case, and what ends a server goes through what it returns.

local server = require('indoors.server')

local M = {}

--- Called once for each client whose server has ended, and not as a main loop event.
---@type fun(client: vim.lsp.Client, code: integer, signal: integer, is_wanted: boolean)
M.on_end = function(_, _, _, _) end

--- Called once for each server that may be told more than how it is started, before it is told anything.
---@type fun(rpc: vim.lsp.rpc.PublicClient)
M.on_initialized = function(_) end

-- By a client's `rpc`, of which each process has its own: whom somebody has asked to end, and who has ended.
local wanted = setmetatable({}, { __mode = 'k' })
local ended = setmetatable({}, { __mode = 'k' })
local ours = setmetatable({}, { __mode = 'k' })

--- Whether a server was started here, and not by a person's own `cmd`.
---@param rpc vim.lsp.rpc.PublicClient
---@return boolean
function M.is_ours(rpc) return ours[rpc] == true end

--- The server of a client has ended; who tells it later than another is not listened to.
---@param client vim.lsp.Client
---@param code integer
---@param signal integer
function M.ended(client, code, signal)
  if ended[client.rpc] then return end
  ended[client.rpc] = true
  M.on_end(client, code, signal, wanted[client.rpc] == true)
end

--- That there is no server, with the next step; nil where there is one.
---@return string?
function M.missing()
  local found = server.find()
  if found.cmd then return end
  return ('not started: %s.\nNext: %s, then :Indoors restart'):format(found.problem, found.next_step)
end

--- `cmd` of the client's configuration.
---@param dispatchers vim.lsp.rpc.Dispatchers
---@param config vim.lsp.ClientConfig
---@return vim.lsp.rpc.PublicClient
function M.start(dispatchers, config)
  -- Looked for now: it may have been installed since. Our own `root_dir` does not let it come to this where there is
  -- none; with one of theirs Neovim makes no client then, and says why.
  local cmd, rpc = server.find().cmd, nil
  if not cmd then error('Indoors: ' .. M.missing(), 0) end
  local around = vim.tbl_extend('force', dispatchers, {
    on_exit = function(code, signal)
      -- One that ends before it has answered for the first time is a client, too.
      for _, client in ipairs(vim.lsp.get_clients({ _uninitialized = true })) do
        if client.rpc == rpc then M.ended(client, code, signal) end
      end
      return dispatchers.on_exit(code, signal)
    end,
  })
  rpc = vim.lsp.rpc.start(cmd, around, {
    cwd = config.cmd_cwd,
    env = config.cmd_env,
    detached = config.detached,
  })
  ours[rpc] = true
  local request, notify, terminate = rpc.request, rpc.notify, rpc.terminate
  rpc.request = function(method, ...)
    if method == 'shutdown' then wanted[rpc] = true end
    return request(method, ...)
  end
  rpc.notify = function(method, ...)
    local is_sent = notify(method, ...)
    if method == 'initialized' then M.on_initialized(rpc) end
    return is_sent
  end
  rpc.terminate = function(...)
    wanted[rpc] = true
    return terminate(...)
  end
  return rpc
end

return M
