-- Requests whose answer a person waits for.
--
-- Neovim drops a request without a word when its server ends. The person was told that something is being made, or has
-- asked and looks at the screen: they are told that nothing comes, and what to do next.

local M = {}

---@class indoors.Awaited
---@field client vim.lsp.Client
---@field id integer?
---@field loss string what it means that no answer comes

---@type table<indoors.Awaited, true>
local awaited = {}

---@param text string
local function say(text) vim.notify('Indoors: ' .. text, vim.log.levels.WARN) end

--- Whether the answer is still to come. The client's own list is asked: a request leaves it in whatever way it ends,
--- also as cancelled, which Neovim tells no handler.
---@param this indoors.Awaited
---@return boolean
function M.is_running(this)
  local request = awaited[this] and this.client.requests[this.id]
  return request ~= nil and request.type == 'pending'
end

--- Ask a server for what a person waits for.
---@param client vim.lsp.Client
---@param method string
---@param params table
---@param loss string
---@param answered fun(failure: lsp.ResponseError?, result: any)
---@param buffer integer?
---@return indoors.Awaited? nil where it could not be sent, which the person is told
function M.request(client, method, params, loss, answered, buffer)
  for one in pairs(awaited) do
    if not M.is_running(one) then awaited[one] = nil end
  end
  local this = { client = client, loss = loss }
  awaited[this] = true
  local is_sent, id = client:request(method, params, function(failure, result)
    if not awaited[this] then return end -- ended here, and on its way already
    awaited[this] = nil
    answered(failure, result)
  end, buffer)
  if not is_sent then
    awaited[this] = nil
    return say(loss .. ': the server has ended. Next: :Indoors restart')
  end
  this.id = id
  return this
end

--- End it; an answer that is on the way already does not count.
---@param this indoors.Awaited
function M.cancel(this)
  awaited[this] = nil
  if not this.client:is_stopped() then this.client:cancel_request(this.id) end
end

--- A server has ended.
---@param client vim.lsp.Client
---@param next_step string
function M.gone(client, next_step)
  local losses = {}
  for one in pairs(awaited) do
    if one.client == client then
      if M.is_running(one) and not vim.list_contains(losses, one.loss) then table.insert(losses, one.loss) end
      awaited[one] = nil
    end
  end
  table.sort(losses)
  for _, loss in ipairs(losses) do
    say(('%s: the server ended. Next: %s'):format(loss, next_step))
  end
end

--- What a server answered in place of what was asked for. The server names a next step where it knows one.
---@param loss string
---@param failure lsp.ResponseError
---@return string
function M.failed(loss, failure)
  local why = vim.trim(tostring(failure.message)):gsub('%.$', '')
  local next_step = why:find('Next: ', 1, true) and '' or '. Next: ask again, or :Indoors log'
  return ('%s: %s%s'):format(loss, why, next_step)
end

return M
