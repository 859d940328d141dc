-- One server for every project, and for files in none: a model is large, and is in memory once for each server.
--
--   the first file -> a server, with the file's project, if it is in one
--   a file of another project -> workspace/didChangeWorkspaceFolders, then the file
--
-- The server keeps settings, policies and indexes apart by folder, and the innermost folder that holds a file counts.
-- But there is one model, for all of them: a project with an `.indoors.json` has a server of its own, so that what it
-- forbids it forbids nobody else.
-- `reuse_client` of one's own counts instead of what is here.

local process = require('indoors.process')

local M = {}

---@type table<table, lsp.WorkspaceFolder[]> by a client's `rpc`: folders that came before its server could be told
local early = setmetatable({}, { __mode = 'k' })

---@param tell fun(method: string, params: table)
---@param added lsp.WorkspaceFolder[]
local function send(tell, added)
  tell('workspace/didChangeWorkspaceFolders', { event = { added = added, removed = {} } })
end

-- Behind this the files are opened; a file that came before its folder would be one of no project.
process.on_initialized = function(rpc)
  local added = early[rpc]
  early[rpc] = nil
  if added then send(rpc.notify, added) end
end

--- The folders of a configuration that a client's server does not know.
---@param client vim.lsp.Client
---@param config vim.lsp.ClientConfig
---@return lsp.WorkspaceFolder[]
local function unknown(client, config)
  local wanted = config.workspace_folders
  if not wanted and config.root_dir then
    wanted = { { uri = vim.uri_from_fname(config.root_dir), name = config.root_dir } }
  end
  local known = {}
  for _, folder in ipairs(client.workspace_folders or {}) do
    known[folder.uri] = true
  end
  return vim.tbl_filter(function(folder) return not known[folder.uri] end, wanted or {})
end

--- Whether some folder has rules of its own: what they forbid a model is forbidden to the whole server.
---@param folders lsp.WorkspaceFolder[]
---@return boolean
local function has_rules(folders)
  return vim.iter(folders):any(function(folder)
    return vim.uv.fs_stat(vim.fs.joinpath(vim.uri_to_fname(folder.uri), '.indoors.json')) ~= nil
  end)
end

--- Whether a client serves what a configuration is for, once it was told of the folder.
---@param client vim.lsp.Client
---@param config vim.lsp.ClientConfig
---@return boolean
function M.reuse(client, config)
  if client.name ~= config.name or client:is_stopped() then return false end
  local added = unknown(client, config)
  if #added == 0 and (config.root_dir or config.workspace_folders) then return true end
  if has_rules(added) or has_rules(client.workspace_folders or {}) then return false end
  if #added == 0 then return true end
  if client.initialized then
    send(function(method, params) client:notify(method, params) end, added)
  elseif process.is_ours(client.rpc) then
    early[client.rpc] = vim.list_extend(early[client.rpc] or {}, added)
  else
    -- A `cmd` of one's own does not say when the server can be told.
    return false
  end
  client.workspace_folders = vim.list_extend(vim.list_slice(client.workspace_folders or {}), added)
  -- What is started again is started with all of them.
  client.config.workspace_folders = client.workspace_folders
  return true
end

return M
